//! Linux guests.
