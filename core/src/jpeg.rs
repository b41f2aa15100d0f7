//! Compressed frames from cameras: whole, and with the tables that every decoder needs.
