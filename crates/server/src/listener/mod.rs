//! Where connections come from.

pub(crate) mod tcp;
