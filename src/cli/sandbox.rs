//! What the command line gives up before it opens the first image, where the kernel offers it.
//!
//! Landlock leaves it the images' files to read and nothing else of the file system; seccomp leaves
//! it the system calls that reading them takes, so no socket, no process, no file opened for
//! writing, no new executable page. Outputs are open by then, and what else a command reads (a
//! password, a configuration) has been read. Both fall on the calling thread and on every thread
//! started after; therefore this is also the place where the threads of rayon begin.

use std::io::{self, Write};
use std::num::NonZero;
use std::path::Path;

use super::{Call, Failure};
use crate::report::Detail;
use crate::rules::Lang;

/// How far the process is confined.
pub(super) struct Confinement {
    landlock: State,
    seccomp: State,
}

/// How far one of the two is in force.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Full,
    /// The kernel is too old for some of it.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "Linux alone has versions"))]
    Part,
    Not(String),
}

/// Confines the process to reading `images`, then starts the threads that all checks share: `jobs`,
/// or one a processor.
///
/// What the kernel does not offer is left out; [`Confinement::describe`] tells.
///
/// # Errors
/// When threads cannot be started.
pub(super) fn enter<'a>(
    images: impl Iterator<Item = &'a Path>,
    jobs: Option<u16>,
) -> Result<Confinement, Failure> {
    // Before Landlock: the number of processors that a container may use is read from files.
    let threads = jobs
        .map_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get), usize::from);
    // In this order: seccomp has no room for Landlock's own system calls.
    let landlock = system::landlock(images);
    let seccomp = system::seccomp();
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|error| Failure::Said(format!("cannot start threads: {error}")))?;
    Ok(Confinement { landlock, seccomp })
}

impl Confinement {
    /// Says on standard error how far it goes, when the call is to say more.
    pub(super) fn tell(&self, call: &Call) -> Result<(), Failure> {
        if call.detail == Detail::Full {
            for line in self.describe(call.lang) {
                writeln!(io::stderr(), "image-preflight: {line}")?;
            }
        }
        Ok(())
    }

    /// One line for each of the two.
    pub(super) fn describe(&self, lang: Lang) -> [String; 2] {
        let line = |name: &str, state: &State, holds: [&str; 2]| match (lang, state) {
            (Lang::En, State::Full) => format!("{name} is in force: {}", holds[0]),
            (Lang::En, State::Part) => {
                format!("{name} is in force as far as this kernel knows it: {}", holds[0])
            }
            (Lang::En, State::Not(why)) => format!("{name} is not in force: {why}"),
            (Lang::ZhCn, State::Full) => format!("{name} 已生效：{}", holds[1]),
            (Lang::ZhCn, State::Part) => format!("{name} 在此内核支持的范围内生效：{}", holds[1]),
            (Lang::ZhCn, State::Not(why)) => format!("{name} 未生效：{why}"),
        };
        [
            line(
                "Landlock",
                &self.landlock,
                [
                    "of all files only the images can be opened, and only to read",
                    "所有文件中只能打开这些镜像，且只能读取",
                ],
            ),
            line(
                "seccomp",
                &self.seccomp,
                [
                    "no socket, no new process, no file opened for writing",
                    "不能使用套接字、启动进程或打开文件写入",
                ],
            ),
        ]
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::path::Path;

    use super::State;

    pub(super) fn landlock<'a>(_images: impl Iterator<Item = &'a Path>) -> State {
        State::Not("only Linux has it".to_owned())
    }

    pub(super) fn seccomp() -> State {
        State::Not("only Linux has it".to_owned())
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::os::unix::fs::FileTypeExt;
    use std::path::Path;

    use landlock::{
        ABI, Access, AccessFs, AccessNet, LandlockStatus, PathBeneath, PathFd, Ruleset,
        RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    };
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, TargetArch,
    };

    use super::State;

    /// The newest version of Landlock whose rights are given up; an older kernel gives up what it
    /// knows of them (landlock(7)).
    const LANDLOCK: ABI = ABI::V7;

    pub(super) fn landlock<'a>(images: impl Iterator<Item = &'a Path>) -> State {
        match restrict(images) {
            Ok(status) => match (status.ruleset, status.landlock) {
                (RulesetStatus::FullyEnforced, _) => State::Full,
                (RulesetStatus::PartiallyEnforced, _) => State::Part,
                (RulesetStatus::NotEnforced, LandlockStatus::NotEnabled) => {
                    State::Not("it was left out when this kernel was started".to_owned())
                }
                (RulesetStatus::NotEnforced, _) => {
                    State::Not("this kernel does not have it".to_owned())
                }
            },
            Err(error) => State::Not(error.to_string()),
        }
    }

    fn restrict<'a>(
        images: impl Iterator<Item = &'a Path>,
    ) -> Result<landlock::RestrictionStatus, RulesetError> {
        let mut ruleset = Ruleset::default()
            .handle_access(AccessFs::from_all(LANDLOCK))?
            .handle_access(AccessNet::from_all(LANDLOCK))?
            .scope(Scope::from_all(LANDLOCK))?
            .create()?;
        for image in images {
            // What is not there or cannot be an image is never opened and gets no rule (that of a
            // folder would hold for all that lies in it). `O_PATH` does not act on a device.
            let kind = std::fs::metadata(image).map(|metadata| metadata.file_type());
            if !kind.is_ok_and(|kind| kind.is_file() || kind.is_block_device()) {
                continue;
            }
            let Ok(file) = PathFd::new(image) else { continue };
            ruleset = ruleset.add_rule(PathBeneath::new(file, AccessFs::ReadFile))?;
        }
        ruleset.restrict_self()
    }

    /// The system calls without conditions that reading images takes: reading, memory, threads,
    /// the clock, the end. From `strace` of all commands with glibc, and from the sources of musl.
    #[rustfmt::skip]
    const CALLS: &[libc::c_long] = &[
        libc::SYS_read, libc::SYS_readv, libc::SYS_pread64, libc::SYS_write, libc::SYS_writev,
        libc::SYS_close, libc::SYS_lseek,
        libc::SYS_fstat, libc::SYS_newfstatat, libc::SYS_statx, libc::SYS_readlinkat,
        libc::SYS_brk, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_madvise, libc::SYS_membarrier,
        libc::SYS_futex, libc::SYS_sched_yield, libc::SYS_sched_getaffinity,
        libc::SYS_set_robust_list, libc::SYS_rseq, libc::SYS_set_tid_address,
        libc::SYS_gettid, libc::SYS_getpid, libc::SYS_getrandom,
        libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask, libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack, libc::SYS_restart_syscall,
        libc::SYS_clock_gettime, libc::SYS_clock_nanosleep, libc::SYS_nanosleep,
        libc::SYS_exit, libc::SYS_exit_group,
        #[cfg(target_arch = "x86_64")] libc::SYS_stat,
        #[cfg(target_arch = "x86_64")] libc::SYS_lstat,
        #[cfg(target_arch = "x86_64")] libc::SYS_readlink,
    ];

    /// Flags of open(2) by which a file would be written or made.
    const WRITING: libc::c_int = libc::O_ACCMODE
        | libc::O_CREAT
        | libc::O_TRUNC
        | libc::O_APPEND
        | (libc::O_TMPFILE & !libc::O_DIRECTORY);

    pub(super) fn seccomp() -> State {
        let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else {
            return State::Not(format!("not known for {}", std::env::consts::ARCH));
        };
        let applied = filter(arch).map_err(seccompiler::Error::from);
        match applied.and_then(|program| seccompiler::apply_filter(&program)) {
            Ok(()) => State::Full,
            Err(error) => State::Not(error.to_string()),
        }
    }

    /// Any other call ends as on a kernel that does not have it, so that the C library falls back
    /// where it can: to `clone`, whose flags can be looked at, from `clone3`, whose cannot.
    fn filter(arch: TargetArch) -> Result<BpfProgram, seccompiler::BackendError> {
        let rule = |conditions: &[SeccompCondition]| SeccompRule::new(conditions.to_vec());
        let is = |argument, value| {
            SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
        };
        // The bits of `mask` in an argument are those of `value`.
        let bits = |argument, mask, value| {
            let compare = SeccompCmpOp::MaskedEq(mask);
            SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compare, value)
        };
        let number = |flags: libc::c_int| u64::from(flags.cast_unsigned());
        let not_executable = [rule(&[bits(2, number(libc::PROT_EXEC), 0)?])?];
        let threads_only = number(libc::CLONE_THREAD);

        let mut rules: Vec<(libc::c_long, Vec<SeccompRule>)> =
            CALLS.iter().map(|call| (*call, Vec::new())).collect();
        rules.extend([
            (libc::SYS_openat, vec![rule(&[bits(2, number(WRITING), 0)?])?]),
            (libc::SYS_mmap, not_executable.to_vec()),
            (libc::SYS_mprotect, not_executable.to_vec()),
            (libc::SYS_clone, vec![rule(&[bits(0, threads_only, threads_only)?])?]),
            // raise(3), with which abort(3) and an unhandled SIGBUS end the process.
            (libc::SYS_tgkill, vec![rule(&[is(0, u64::from(std::process::id()))?])?]),
            (libc::SYS_prctl, vec![rule(&[is(0, number(libc::PR_SET_NAME))?])?]),
            (
                libc::SYS_fcntl,
                vec![
                    rule(&[is(1, number(libc::F_GETFD))?])?,
                    rule(&[is(1, number(libc::F_GETFL))?])?,
                ],
            ),
            // What stands in the file of --output goes when the first bytes are written to it.
            (libc::SYS_ftruncate, vec![rule(&[is(1, 0)?])?]),
            // Whether an output is a terminal, and how wide it is.
            (libc::SYS_ioctl, vec![rule(&[is(1, TCGETS)?])?, rule(&[is(1, TIOCGWINSZ)?])?]),
            #[cfg(target_arch = "x86_64")]
            (libc::SYS_open, vec![rule(&[bits(1, number(WRITING), 0)?])?]),
        ]);
        let not_known = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
        SeccompFilter::new(rules.into_iter().collect(), not_known, SeccompAction::Allow, arch)?
            .try_into()
    }

    /// Of the same value on every architecture that seccompiler knows; libc's own constants differ
    /// in type between C libraries.
    const TCGETS: u64 = 0x5401;
    const TIOCGWINSZ: u64 = 0x5413;
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::UnixStream;
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;
    use crate::rules::{Context, Profile};

    /// Names the folder of the test below to the process that it starts.
    const FOLDER: &str = "IMAGE_PREFLIGHT_TEST_SANDBOX";

    fn run_confined(folder: &Path) -> (bool, String) {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cli::sandbox::tests::confined", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .output()
            .unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        (output.status.success(), said)
    }

    #[test]
    fn a_confined_process_checks_its_image_and_can_do_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let good = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/guests/good.qcow2");
        std::fs::copy(good, folder.path().join("image")).unwrap();
        std::fs::write(folder.path().join("secret"), "secret").unwrap();
        let (success, said) = run_confined(folder.path());
        assert!(success && said.contains("1 passed"), "{said}");
        assert!(!folder.path().join("made").exists());
        // What the kernel does not offer cannot be tried; say so to whoever reads the log.
        println!("{said}");
    }

    #[test]
    #[ignore = "run by the test above, in a process of its own"]
    fn confined() {
        let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
        let (image, secret) = (folder.join("image"), folder.join("secret"));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let Ok(confinement) = enter(std::iter::once(image.as_path()), Some(2)) else { panic!() };
        println!("{:#?}", confinement.describe(Lang::En));

        let context = Context::new(Profile::ImsClassic, 20_000);
        let report = crate::check(&image, &context, false).unwrap();
        assert_eq!(report.verdict, crate::report::Verdict::Pass);
        assert_eq!(std::thread::spawn(|| 1).join().unwrap(), 1);

        if !matches!(confinement.landlock, State::Not(_)) {
            for path in [secret.as_path(), Path::new("/etc/passwd"), Path::new("/proc/self/maps")] {
                let error = File::open(path).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{}", path.display());
            }
            assert!(std::fs::read_dir(&folder).is_err());
            assert!(std::fs::rename(&secret, folder.join("made")).is_err());
            assert!(std::fs::remove_file(&secret).is_err());
        }
        if !matches!(confinement.seccomp, State::Not(_)) {
            let refused = |error: std::io::Error| error.raw_os_error() == Some(libc::ENOSYS);
            assert!(refused(TcpStream::connect(address).unwrap_err()));
            assert!(refused(TcpListener::bind("127.0.0.1:0").unwrap_err()));
            assert!(refused(UdpSocket::bind("127.0.0.1:0").unwrap_err()));
            assert!(refused(UnixStream::connect("/run/no").unwrap_err()));
            assert!(refused(Command::new("/bin/sh").spawn().unwrap_err()));
            assert!(refused(File::create(folder.join("made")).unwrap_err()));
            assert!(refused(File::options().append(true).open(&image).unwrap_err()));
            assert!(refused(std::fs::create_dir(folder.join("made")).unwrap_err()));
            // On all threads, those of rayon too.
            for error in rayon::broadcast(|_| UdpSocket::bind("127.0.0.1:0").unwrap_err()) {
                assert!(refused(error));
            }
        }
    }
}
