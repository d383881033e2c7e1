//! `RUST_LOG`: what was done inside, a line each on standard error, for bug reports.
//!
//! Nothing is traced, and nothing paid for it, unless the variable is set.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::time::Instant;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::report::escape::for_terminal;

/// Names what is traced: `debug`, or `image_preflight::disk=debug`, several with commas between.
const VARIABLE: &str = "RUST_LOG";

/// Starts to trace what [`VARIABLE`] names.
pub(super) fn start() {
    let Some(wanted) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) else { return };
    match wanted.to_string_lossy().parse::<Targets>() {
        Ok(targets) => {
            let lines = Lines { start: Instant::now() }.with_filter(targets);
            // Fails where a tracer has been set, which only this function does.
            let _ = Registry::default().with(lines).try_init();
        }
        Err(error) => {
            let said = format!("{VARIABLE}: {error}");
            // It is the report that the call is about.
            let _ = writeln!(io::stderr(), "image-preflight: {}", for_terminal(&said));
        }
    }
}

/// Each event as a line, and each span as one when it ends, with the time that it took.
struct Lines {
    start: Instant,
}

/// A span's beginning, and what is said of it.
struct Begun {
    at: Instant,
    text: String,
}

/// ` name=value` for each field; a message without its name.
#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // A string always takes more.
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

impl Lines {
    /// One write a line, so that those of several threads do not mix.
    fn write(&self, target: &str, text: &str) {
        let room = target.strip_prefix("image_preflight::").unwrap_or(target);
        let line =
            format!("[{:9.3} ms] {room}:{text}", self.start.elapsed().as_secs_f64() * 1000.0);
        // Whoever reads them may have gone; the report has not.
        let _ = io::stderr().write_all(format!("{}\n", for_terminal(&line)).as_bytes());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let text = format!(" {}{}", attributes.metadata().name(), fields.0);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Begun { at: Instant::now(), text });
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.write(event.metadata().target(), &fields.0);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        if let Some(Begun { at, text }) = span.extensions().get::<Begun>() {
            let took = at.elapsed().as_secs_f64() * 1000.0;
            self.write(span.metadata().target(), &format!("{text} took {took:.3} ms"));
        }
    }
}
