//! Whole hives.
