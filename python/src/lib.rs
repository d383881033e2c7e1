//! The Python module: calls of the library, and what it gives as dictionaries.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use preflight::guest::Inspection;
use preflight::guest::password::InitialPassword;
use preflight::image::{DigestKind, Image};
use preflight::report::json;
use preflight::rules::policy::Waiver;
use preflight::rules::{Context, Lang, Profile, about, about_all, day};
use preflight::{CancelToken, Check};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use serde::Serialize;
use zeroize::Zeroizing;

pyo3::create_exception!(
    image_preflight,
    PreflightError,
    PyOSError,
    "The image could not be checked: missing, unreadable, or changed while it was read."
);

/// How often Python is asked for signals while a check runs.
const SIGNALS: Duration = Duration::from_millis(50);

/// Runs `work` without Python's lock. A signal whose handler raises (Ctrl-C) ends it.
///
/// It gets threads of its own: those of rayon's global pool would be missing after a fork, as
/// multiprocessing makes it.
fn run<T: Send>(
    py: Python<'_>,
    work: impl FnOnce(&CancelToken) -> preflight::Result<T> + Send,
) -> PyResult<T> {
    let token = CancelToken::new();
    py.detach(|| {
        let pool = rayon::ThreadPoolBuilder::new()
            .build()
            .map_err(|error| PyRuntimeError::new_err(format!("no threads: {error}")))?;
        thread::scope(|scope| {
            let (done, is_done) = mpsc::channel::<()>();
            let worker = scope.spawn(|| {
                // Dropped at the end, by a panic as well.
                let _done = done;
                pool.install(|| work(&token))
            });
            let mut raised = Ok(());
            while let Err(RecvTimeoutError::Timeout) = is_done.recv_timeout(SIGNALS) {
                if raised.is_ok() {
                    raised = Python::attach(|py| py.check_signals());
                    if raised.is_err() {
                        token.cancel();
                    }
                }
            }
            let result = worker.join();
            raised?;
            match result {
                Ok(result) => result.map_err(|error| PreflightError::new_err(error.to_string())),
                Err(_) => Err(PyRuntimeError::new_err(
                    "the checker itself failed on this image; please report it",
                )),
            }
        })
    })
}

/// A value as Python has it.
fn python<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let text =
        serde_json::to_string(value).map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    py.import("json")?.call_method1("loads", (text,))
}

fn profile_of(name: &str) -> PyResult<Profile> {
    Profile::from_name(name).ok_or_else(|| {
        let known = Profile::ALL.map(Profile::name).join(", ");
        PyValueError::new_err(format!("profile {name:?} is none of {known}"))
    })
}

fn lang_of(name: &str) -> PyResult<Lang> {
    [Lang::En, Lang::ZhCn]
        .into_iter()
        .find(|lang| lang.name() == name)
        .ok_or_else(|| PyValueError::new_err(format!("lang {name:?} is none of en, zh-CN")))
}

fn digest_of(name: &str) -> PyResult<DigestKind> {
    [DigestKind::Sha256, DigestKind::Md5]
        .into_iter()
        .find(|kind| kind.to_string() == name)
        .ok_or_else(|| PyValueError::new_err(format!("digest {name:?} is none of sha256, md5")))
}

/// A waiver as the configuration spells it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct WaiverItem {
    rule: String,
    reason: String,
    #[pyo3(default)]
    image: Option<String>,
    #[pyo3(default)]
    expires: Option<Date>,
}

/// A `datetime.date`.
#[derive(FromPyObject)]
struct Date {
    year: i64,
    month: u8,
    day: u8,
}

/// A key that is not known would be passed over: `expire`, and the waiver would count for ever.
fn only_known_keys(item: &Bound<'_, PyAny>) -> PyResult<()> {
    for key in item.try_iter()? {
        let key: String = key?.extract()?;
        if !["rule", "reason", "image", "expires"].contains(&key.as_str()) {
            return Err(PyValueError::new_err(format!("a waiver has no {key:?}")));
        }
    }
    Ok(())
}

fn waiver_of(item: WaiverItem) -> PyResult<Waiver> {
    let WaiverItem { rule, reason, image, expires } = item;
    if about(&rule).is_none() {
        return Err(PyValueError::new_err(format!("no rule is called {rule:?}")));
    }
    if reason.trim().is_empty() {
        return Err(PyValueError::new_err(format!("the waiver of {rule} needs a reason")));
    }
    let mut waiver = Waiver::new(rule, reason);
    waiver.image = image;
    waiver.expires = expires.map(|date| day::number(date.year, date.month, date.day));
    Ok(waiver)
}

#[derive(FromPyObject)]
enum Password {
    Text(String),
    Bytes(Vec<u8>),
}

fn password_of(password: Password) -> PyResult<InitialPassword> {
    let bytes = match password {
        Password::Text(text) => text.into_bytes(),
        Password::Bytes(bytes) => bytes,
    };
    InitialPassword::new(Zeroizing::new(bytes))
        .map_err(|error| PyValueError::new_err(error.to_string()))
}

fn inspected(path: &Path, token: &CancelToken) -> preflight::Result<Inspection> {
    let image = Image::open_cancellable(path, token)?;
    let inspection = Inspection::of(&image);
    image.intact()?;
    Ok(inspection)
}

/// Whether a virtual-machine image will be accepted by the cloud and boot there.
#[pymodule]
mod image_preflight {
    use super::*;

    #[pymodule_export]
    use super::PreflightError;

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// The report of one image: one element of ``reports`` in the JSON report.
    #[pyfunction]
    #[pyo3(signature = (path, *, profile="ims-classic", lang="en", fail_on_warn=false, password=None, waivers=None, digest=None))]
    #[allow(clippy::too_many_arguments, reason = "Python names them")]
    fn check<'py>(
        py: Python<'py>,
        path: PathBuf,
        profile: &str,
        lang: &str,
        fail_on_warn: bool,
        password: Option<Password>,
        waivers: Option<Bound<'py, PyAny>>,
        digest: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let context = Context::today(profile_of(profile)?);
        let lang = lang_of(lang)?;
        let password = password.map(password_of).transpose()?;
        let mut waived = Vec::new();
        if let Some(waivers) = waivers {
            for item in waivers.try_iter()? {
                let item = item?;
                only_known_keys(&item)?;
                waived.push(waiver_of(item.extract()?)?);
            }
        }
        let digest = digest.map(digest_of).transpose()?;
        let report = run(py, |token| {
            let mut check = Check::new(context);
            check.fail_on_warn(fail_on_warn).waivers(&waived).cancel(token);
            if let Some(password) = &password {
                check.password(password);
            }
            if let Some(kind) = digest {
                check.digest(kind);
            }
            check.run(&path)
        })?;
        python(py, &json::element(&report, lang))
    }

    /// What is in an image, without judgement: all facts that the rules see.
    #[pyfunction]
    fn inspect(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyAny>> {
        let facts = run(py, |token| Ok(inspected(&path, token)?.facts))?;
        python(py, &facts)
    }

    /// The rules of a profile: id, level, and what each says of itself.
    #[pyfunction]
    #[pyo3(signature = (*, profile="ims-classic", lang="en"))]
    fn rules<'py>(py: Python<'py>, profile: &str, lang: &str) -> PyResult<Bound<'py, PyList>> {
        let (profile, lang) = (profile_of(profile)?, lang_of(lang)?);
        let list = PyList::empty(py);
        for rule in about_all() {
            let Some(level) = rule.level(profile) else { continue };
            let item = PyDict::new(py);
            item.set_item("id", rule.id)?;
            item.set_item("level", level.name())?;
            item.set_item("title", rule.doc.title.get(lang))?;
            item.set_item("why", rule.doc.why.get(lang))?;
            item.set_item("decided", rule.doc.decided.get(lang))?;
            item.set_item("remedy", rule.doc.remedy.get(lang))?;
            item.set_item("source", rule.doc.source)?;
            item.set_item("predicts", rule.doc.predicts)?;
            list.append(item)?;
        }
        Ok(list)
    }
}
