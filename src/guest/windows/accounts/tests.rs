//! Accounts as Windows keeps them.
