//! The subcommands that every eyelet binary shares.
