//! Known loads, run as tasks.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::sys::wait::wait;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{ForkResult, fork};

/// Runs the load with its numeric arguments.
pub(crate) fn run(name: &str, args: &[&str]) -> ExitCode {
    let number = |index: usize| {
        args.get(index)
            .and_then(|arg| arg.parse().ok())
            .unwrap_or(0)
    };
    // Nothing of a test is left over, whatever happens to its runner.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    match name {
        "busy" => busy(number(0), number(1)),
        "children" => children(number(0), number(1)),
        "deaf" => deaf(number(0), number(1)),
        "no_cld_wait" => no_cld_wait(number(0), number(1)),
        "detach" => detach(number(0)),
        "ramp" => ramp(number(0), number(1), number(2), number(3)),
        "ramps" => ramps(number(0), number(1), number(2), number(3)),
        "ramp_in_a_thread" => {
            let numbers = [number(0), number(1), number(2), number(3)];
            std::thread::spawn(move || ramp(numbers[0], numbers[1], numbers[2], numbers[3]))
                .join()
                .expect("thread");
        }
        "ramp_after_exec" => after_exec(args),
        "at_once" => at_once(number(0), || {
            burn(number(1));
            sleep(number(2));
        }),
        "asleep" => {
            at_once_but_stay(number(0), || sleep(20_000));
        }
        "restless" => at_once(number(0), restless),
        "print" => {
            let text = vec![b'.'; number(0) as usize];
            std::fs::File::create("/dev/null")
                .expect("open")
                .write_all(&text)
                .expect("write");
        }
        "hold" => hold(number(0), number(1)),
        "write" => write(number(0), args.get(1).copied().unwrap_or_default()),
        "sleep" => sleep(number(0)),
        "thread_children" => thread_children(number(0), number(1)),
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

fn sleep(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// Burns CPU time of the calling thread.
fn burn(millis: u64) {
    let clock = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("clock"));
    let end = clock() + Duration::from_millis(millis);
    let mut value = 0_u64;
    while clock() < end {
        for step in 0..1000 {
            value = std::hint::black_box(value.wrapping_add(step));
        }
    }
}

fn busy(millis: u64, threads: u64) {
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(|| burn(millis));
        }
        burn(millis);
    });
}

fn forked(work: impl FnOnce()) {
    match unsafe { fork() }.expect("fork") {
        ForkResult::Child => {
            work();
            unsafe { libc::_exit(0) };
        }
        ForkResult::Parent { .. } => {}
    }
}

/// Short children, one after another.
fn children(count: u64, millis: u64) {
    for _ in 0..count {
        forked(|| burn(millis));
        wait().expect("wait");
    }
}

/// Children under an ignored SIGCHLD, one after another.
fn deaf(count: u64, millis: u64) {
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    vanishing(count, millis);
}

/// The same by `SA_NOCLDWAIT`, which no file shows.
fn no_cld_wait(count: u64, millis: u64) {
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_flags = libc::SA_NOCLDWAIT;
    unsafe { libc::sigaction(libc::SIGCHLD, &raw const action, std::ptr::null_mut()) };
    vanishing(count, millis);
}

fn vanishing(count: u64, millis: u64) {
    for _ in 0..count {
        forked(|| burn(millis));
        assert!(wait().is_err(), "they vanish");
    }
    sleep(60);
}

/// A child that detaches itself by a double fork and burns; the task waits for it on a pipe.
fn detach(millis: u64) {
    let (mut reader, writer) = std::io::pipe().expect("pipe");
    forked(|| {
        nix::unistd::setsid().expect("setsid");
        forked(|| burn(millis));
    });
    drop(writer);
    wait().expect("wait");
    std::io::copy(&mut reader, &mut std::io::sink()).expect("read");
}

/// Anonymous memory up and down again within `within` milliseconds, at the moment `after`, then
/// lives on for `rest`.
fn ramp(mib: u64, after: u64, within: u64, rest: u64) {
    sleep(after);
    let start = Instant::now();
    let length = (mib << 20) as usize;
    let memory = unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            flags,
            -1,
            0,
        )
    };
    assert_ne!(memory, libc::MAP_FAILED);
    for at in (0..length).step_by(4096) {
        unsafe { memory.cast::<u8>().add(at).write_volatile(1) };
    }
    unsafe { libc::munmap(memory, length) };
    sleep(within.saturating_sub(start.elapsed().as_millis() as u64));
    sleep(rest);
}

/// The same in that many processes at once.
fn ramps(count: u64, mib: u64, after: u64, within: u64) {
    at_once(count, || ramp(mib, after, within, 100));
}

/// Becomes another program, after some time as this one.
fn after_exec(args: &[&str]) {
    sleep(30);
    let this = std::env::current_exe().expect("own path");
    let error = std::process::Command::new(this)
        .args(["load", "ramp"])
        .args(args)
        .exec();
    panic!("{error}");
}

/// That many children at once.
fn at_once(count: u64, work: impl Fn()) {
    for _ in 0..count {
        forked(&work);
    }
    for _ in 0..count {
        wait().expect("wait");
    }
}

/// That many children at once, which end with this process, and this one stays for a while.
fn at_once_but_stay(count: u64, work: impl Fn()) {
    for _ in 0..count {
        forked(|| {
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            work();
        });
    }
    sleep(20_000);
}

/// Runs a little and faults a little, again and again.
fn restless() {
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    loop {
        std::hint::black_box(vec![1_u8; 1 << 20]);
        sleep(1);
    }
}

/// Anonymous memory that stays for a while.
fn hold(mib: u64, millis: u64) {
    let memory = vec![1_u8; (mib << 20) as usize];
    std::hint::black_box(&memory);
    sleep(millis);
}

fn write(mib: u64, path: &str) {
    let mut file = std::fs::File::create(path).expect("create");
    for _ in 0..mib {
        file.write_all(&vec![7; 1 << 20]).expect("write");
    }
    file.sync_all().expect("fsync");
}

/// Children forked by a thread that isn't the leading one, while the leading one sleeps.
fn thread_children(count: u64, millis: u64) {
    std::thread::scope(|scope| {
        scope.spawn(|| at_once(count, || burn(millis)));
    });
}
