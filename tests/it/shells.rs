//! The output of the program for packagers: shell completions and a manual page, both from the definition of the
//! command line.

use std::io::Write;
use std::process::{Command, Stdio};

use kube_rebalancer::settings::catalog::{ENTRIES, Entry};

fn print(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_kube-rebalancer")).env_clear().args(arguments).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_shell_completes_every_flag_of_a_setting() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = print(&["completions", shell]);
        for flag in ENTRIES.iter().filter_map(Entry::flag) {
            assert!(script.contains(&flag), "{shell}: --{flag}");
        }
    }
}

/// Asks a real shell: after `--max-n` there is only one completion.
#[test]
fn bash_completes_a_flag() {
    let script = print(&["completions", "bash"]);
    let ask = "COMP_WORDS=(kube-rebalancer --max-n); COMP_CWORD=1; \
               _kube__rebalancer kube-rebalancer --max-n kube-rebalancer; echo \"${COMPREPLY[@]}\"";
    let Ok(mut bash) = Command::new("bash").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        println!("skipped: no bash to complete with");
        return;
    };
    bash.stdin.take().unwrap().write_all(format!("{script}\n{ask}\n").as_bytes()).unwrap();
    let output = bash.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "--max-nodes\n");
}

#[test]
fn the_manual_has_every_flag_and_the_exit_codes() {
    // roff writes a dash as \-, and an apostrophe as \*(Aq.
    let page = print(&["man"]).replace("\\-", "-").replace("\\*(Aq", "'");
    assert!(page.contains(".TH kube-rebalancer 1"), "{page}");
    for Entry { name, doc, .. } in ENTRIES.iter().filter(|entry| entry.flag().is_some()) {
        assert!(page.contains(name) && page.contains(doc), "{name}");
    }
    for command in ["settings", "schema", "completions", "man"] {
        assert!(page.contains(&format!("kube-rebalancer-{command}(1)")), "{command}");
    }
    assert!(page.contains("another run is at work"), "{page}");
}
