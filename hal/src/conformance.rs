//! The contract of both traits, as checks that any implementation can run.
