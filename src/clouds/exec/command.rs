//! Runs a command without a shell, in a separate process group, bounded in time and in output.

use std::fmt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use kube_rebalancer_core::text::clean;
use kube_rebalancer_ports::Clock;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// Maximum size of an answer: the instances of thousands of nodes take a tenth of it.
const MOST_OUTPUT: usize = 8 << 20;

/// Number of bytes of the end of the error output that are kept; the last line is for a person.
const MOST_WORDS: usize = 4 << 10;

/// The time between SIGTERM and SIGKILL for a command that writes too much.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The time between SIGTERM and SIGKILL after a signal to stop. A run gives up its work seven seconds after the signal; the
/// rest is for its report.
const AFTER_STOP: Duration = Duration::from_secs(6);

/// Maximum time before the end of a command's time at which it gets SIGTERM: it may have a state to write. A command with little
/// time gets it after nine tenths.
pub(crate) const LEAD: Duration = Duration::from_secs(30);

/// The time after the end of a command's time at which it gets SIGKILL. A run gives up its work ten seconds after its end.
const LATE: Duration = Duration::from_secs(5);

/// The interval at which a command is compared with the time of the run: a stop may come at any moment.
const TICK: Duration = Duration::from_millis(50);

/// The time for which the output of an ended command may stay open: a process that it left behind may hold
/// it.
const OPEN_END: Duration = Duration::from_secs(1);

/// A command to run.
#[derive(Clone)]
pub(crate) struct Order<'a> {
    /// Its setting, for a person.
    pub(crate) setting: &'static str,
    /// Program and arguments.
    pub(crate) words: &'a [String],
    /// All variables of its environment.
    pub(crate) environment: &'a [(String, String)],
    /// The time of the run, which is over at once after a signal to stop.
    pub(crate) clock: &'a dyn Clock,
}

/// The result of a command that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its standard output.
    pub(crate) output: Vec<u8>,
    /// Its exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// The last line of its error output, cleaned.
    pub(crate) words: String,
}

/// The reason why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It was not started.
    NotStarted(String),
    /// It was ended because it wrote too much, or it was lost. Its effect is unknown.
    Killed(String),
    /// It was ended because its time expired, or the run was stopped. Its effect is unknown.
    OutOfTime(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(words) | Self::Killed(words) | Self::OutOfTime(words) => {
                formatter.write_str(words)
            }
        }
    }
}

/// The time of one command.
struct Time<'a> {
    clock: &'a dyn Clock,
    begun: Instant,
    limit: Duration,
}

impl<'a> Time<'a> {
    fn new(clock: &'a dyn Clock) -> Self {
        let limit = Duration::try_from(clock.left()).unwrap_or_default();
        Self { clock, begun: Instant::now(), limit }
    }

    /// Waits until the command must end, and returns the reason.
    async fn expired(&self) -> String {
        let until = self.limit.saturating_sub(LEAD.min(self.limit / 10));
        loop {
            if self.begun.elapsed() >= until {
                let seconds = self.limit.as_secs();
                return format!("the command was ended: its time of {seconds} s expired");
            }
            if self.clock.left().is_zero() {
                return "the command was ended: the run received a signal to stop".to_owned();
            }
            sleep(TICK).await;
        }
    }

    /// Waits until the command must be killed.
    async fn used_up(&self) {
        let mut over = None;
        while self.begun.elapsed() < self.limit.saturating_add(LATE) {
            if self.clock.left().is_zero() {
                let over = over.get_or_insert_with(Instant::now);
                if over.elapsed() >= AFTER_STOP {
                    return;
                }
            }
            sleep(TICK).await;
        }
    }
}

/// Kills the process group of an abandoned command, at the latest when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0
            && let Err(error) = kill_process_group(group, signal)
        {
            log::debug!("process group {group:?}: {error}");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Runs a command with this standard input.
pub(crate) async fn run(order: &Order<'_>, input: &[u8]) -> Result<Ended, Broken> {
    let (mut child, mut group) = start(order)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let writing = async {
        if let Some(mut stdin) = stdin {
            // A command that does not read its input closes the pipe; its answer counts.
            if stdin.write_all(input).await.is_ok() {
                drop(stdin.shutdown().await);
            }
        }
    };
    let (mut output, mut words) = (Vec::new(), Vec::new());
    let time = Time::new(order.clock);
    let mut all_read = false;
    let ended = {
        let both =
            async { tokio::join!(read_all(stdout, &mut output), read_last(stderr, &mut words), writing).0 };
        tokio::pin!(both);
        let reading = async {
            tokio::select! {
                fits = &mut both => {
                    all_read = true;
                    (fits, child.wait().await)
                }
                status = child.wait() => (timeout(OPEN_END, &mut both).await.unwrap_or(Ok(())), status),
            }
        };
        let ended = tokio::select! {
            ended = reading => Ok(ended),
            why = time.expired() => Err(why),
        };
        if ended.is_err() {
            group.signal(Signal::TERM);
            // The first process of the group may end before the others do, which hold the output open.
            let gone = async {
                if !all_read {
                    drop(both.await);
                }
                drop(child.wait().await);
            };
            tokio::select! {
                () = gone => {}
                () = time.used_up() => {}
            }
        }
        ended
    };
    let setting = order.setting;
    match ended {
        Ok((Ok(()), Ok(status))) => {
            // A process that it left behind continues: it may be the requested work.
            group.0 = None;
            Ok(Ended { output, code: code(status), words: last_line(&words) })
        }
        Ok((Err(TooMuch), _)) => {
            end(&mut child, &group).await;
            let most = MOST_OUTPUT >> 20;
            Err(Broken::Killed(format!("{setting}: the command wrote more than {most} MiB and was killed")))
        }
        Ok((_, Err(error))) => {
            end(&mut child, &group).await;
            Err(Broken::Killed(format!("{setting}: the command was lost: {error}")))
        }
        Err(why) => {
            group.signal(Signal::KILL);
            drop(child.wait().await);
            Err(Broken::OutOfTime(format!("{setting}: {why}")))
        }
    }
}

fn start(order: &Order<'_>) -> Result<(Child, Group), Broken> {
    let setting = order.setting;
    let Some((program, arguments)) = order.words.split_first() else {
        return Err(Broken::NotStarted(format!("{setting} is not set")));
    };
    let child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(order.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Broken::NotStarted(format!("{setting}: {program} cannot be started: {error}")))?;
    // The ID of a process group is its leader's.
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    Ok((child, Group(pid)))
}

/// Ends a whole process group that has nothing left to do: by SIGTERM, then by SIGKILL.
async fn end(child: &mut Child, group: &Group) {
    group.signal(Signal::TERM);
    let waited = timeout(LAST_WORDS, child.wait()).await;
    group.signal(Signal::KILL);
    if waited.is_err() {
        drop(child.wait().await);
    }
}

/// The output is too large.
struct TooMuch;

async fn read_all(pipe: Option<impl AsyncRead + Unpin>, output: &mut Vec<u8>) -> Result<(), TooMuch> {
    let Some(pipe) = pipe else { return Ok(()) };
    let most = u64::try_from(MOST_OUTPUT).unwrap_or(u64::MAX);
    let read = pipe.take(most.saturating_add(1)).read_to_end(output).await;
    if read.is_ok() && output.len() > MOST_OUTPUT { Err(TooMuch) } else { Ok(()) }
}

/// Reads to the end and keeps the last part only.
async fn read_last(pipe: Option<impl AsyncRead + Unpin>, words: &mut Vec<u8>) {
    let Some(mut pipe) = pipe else { return };
    let mut part = vec![0; MOST_WORDS];
    while let Ok(read) = pipe.read(&mut part).await
        && read > 0
    {
        words.extend(part.iter().take(read));
        let surplus = words.len().saturating_sub(MOST_WORDS);
        words.drain(..surplus);
    }
}

fn last_line(words: &[u8]) -> String {
    let text = String::from_utf8_lossy(words);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let line: String = line.chars().take(300).collect();
    clean(&line).into_owned()
}

fn code(status: ExitStatus) -> Option<i32> {
    status.code()
}
