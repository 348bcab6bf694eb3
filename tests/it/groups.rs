//! Groups whose interface goes and comes back, on a host of its own.

use crate::hosts::{CTL, Catcher, Hosts, JOB, RPTSERVER, hosts_or_skip, ip};
use crate::support::{Dir, output, wait_until};
use std::process::Stdio;

#[test]
fn a_group_is_heard_again_when_its_interface_has_gone_and_come_back() {
    if !hosts_or_skip("an interface that goes and comes back") {
        return;
    }
    let hosts = Hosts::new();
    let link = |what: &str| ip(&format!("-n {} {what}", hosts.a));
    let come = || {
        link("link add d0 type veth peer name d1");
        link("link set d1 up");
        link("addr add 10.88.0.1/24 dev d0");
        link("link set d0 up");
        link("route add 239.88.0.0/16 dev d0");
        link("-6 route add multicast ff15::/16 dev d0 table local metric 1");
    };
    come();
    let page = Dir::new();
    let mut command = Hosts::on(&hosts.a, RPTSERVER);
    command.args(["-p", "9999", "-a", "239.88.0.7@d0", "-f"]).arg(page.join("status"));
    let log = page.join("log");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(std::fs::File::create(&log).unwrap());
    let _receiver = Catcher::of(&mut command);
    wait_until("the receiver is there", || log_has(&log, "receiving on udp://239.88.0.7:9999"));
    let groups = ["udp://239.88.0.8:10000", "udp://[ff15::88]:10000"];
    let mut pmtr =
        hosts.pmtr(&format!("{}{JOB}", groups.map(|group| format!("listen on {group}\n")).concat()));
    for group in groups {
        pmtr.rewind().wait(&format!("listening on {group}"));
    }
    let joined = || {
        let table = |file| output(Hosts::on(&hosts.a, "cat").arg(format!("/proc/net/{file}"))).1;
        let (v4, v6) = (table("igmp"), table("igmp6"));
        let address = |last: u8| format!("{:08X}", u32::from_ne_bytes([239, 88, 0, last]));
        [v4.contains(&address(7)), v4.contains(&address(8)), v6.contains("ff150000000000000000000000000088")]
    };
    assert_eq!(joined(), [true; 3]);
    link("link del d0");
    assert_eq!(joined()[..2], [false; 2]);
    come();
    wait_until("all groups are heard again", || joined() == [true; 3]);
    wait_until("the receiver says so", || log_has(&log, "receiving on udp://239.88.0.7:9999 again"));
    pmtr.rewind().wait("can't listen on udp://239.88.0.8:10000: No such device; trying again within 10 sec");
    pmtr.wait("listening on udp://239.88.0.8:10000");
    // An answer can't come from the group's own address, so none is waited for.
    let mut command = Hosts::on(&hosts.a, CTL);
    let _ = output(command.args(["-s", "239.88.0.8", "disable", "web"]));
    pmtr.wait("job web disabled by command");
    assert_eq!(pmtr.count("can't listen on udp://239.88.0.8:10000"), 1);
}

fn log_has(log: &std::path::Path, text: &str) -> bool {
    std::fs::read_to_string(log).unwrap().contains(text)
}
