//! The speech server: strict where Deepgram is, at fault where a test orders it, and the same to Deepgram's own library.

mod faults;
mod ordered;
mod results;
mod sdk;
mod strict;
mod support;
