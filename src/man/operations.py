"""What chimerax-sandbox(7) says: how a site is run. A text is a paragraph, a list of texts the lines that a reader types, and a list of
pairs the terms of a list."""

SUMMARY = "run a site of sandboxed ChimeraX sessions"

STARTING = [
    "As packaged, three units make a site, and a target stands for all of them. Whoever starts them by hand instead, with sandbox-launcher "
    "--with-manager, has the same site without systemd's part in it.",
    [
        ("chimerax-sandbox.target", "All of it: what is enabled at boot, started and stopped."),
        ("chimerax-sandbox-launcher.service", "sandbox-launcher, as root: it makes the sandboxes."),
        ("chimerax-sandboxd.service", "sandboxd, the manager with the HTTP API, as the user chimerax-sandbox in the gateway's network namespace."),
        ("chimerax-sandboxd.socket", "The unix socket of the API. It stays while the manager is started again: callers wait, and none is refused. A restart of the target closes it for a moment."),
        ("chimerax-sandboxd-tcp.socket",
         "The same for listen_tcp of sandboxd.toml, from which it is made when systemd reads its units: at boot, and at systemctl daemon-reload."),
        ("chimerax.slice", "The control group of all sessions: the site's budget. Below it each tenant has a slice of its own, chimerax-TENANT.slice."),
    ],
    ["systemctl enable --now chimerax-sandbox.target", "sandboxctl doctor"],
    "doctor looks at everything that the site needs, and names a cure for each thing that is missing. It is the first thing to run on a new host, and "
    "after an upgrade of the kernel.",
    "Stopping the target ends all sessions in good order, unless sandboxd.toml has on_stop = \"keep\"; a stop is waited for only of the units that are named, so "
    "name the services too where they have to have ended. Starting any of the services again leaves the "
    "sessions as they are. A reload is the same as sandboxctl admin reload: policies, tenants and most settings are read again, all or none.",
    [
        "systemctl stop chimerax-sandbox.target",
        "systemctl restart chimerax-sandbox-launcher",
        "systemctl restart chimerax-sandboxd",
        "systemctl reload chimerax-sandboxd",
        "systemctl daemon-reload",
    ],
]

SIZING = [
    "Memory decides how many sessions a host holds, as ChimeraX uses hardly any CPU while nobody asks it for anything. A ChimeraX 1.12 without windows "
    "had 160 MB resident at rest, 227 MB after a small structure with a surface and a picture, and 770 MB after the surface of 26,000 atoms. Eight "
    "that had just started had 652 MB together, as they share the pages of their program. Files in /work, /tmp and the home count as the session's "
    "memory, too.",
    "What this software adds is small. Measured with 40 sessions of the build's stand-in on Linux 6.18, x86-64: the launcher had 13 MB resident at "
    "rest and 14 MB with all of them, the manager 16 MB and 18 MB, which is 45 KB a session after the first; sandbox-init in each sandbox had 0.8 MB "
    "resident, 0.1 MB of it its own. A session takes 8 file descriptors of the manager and 3 of the launcher. In the manager's memory are also what it "
    "sends at the moment, and up to 16 MiB of the audit trail while the disk takes no more.",
    "A policy's memory_max is promised from the budget in [admission] memory_budget, times memory_overcommit. With the defaults nothing is promised "
    "twice: a host of 128 GB, of which a tenth is kept back, takes 28 sessions of 4 GB. Where most sessions rest, 2 to 4 is an ordinary "
    "memory_overcommit: the gates memory_available_min and memory_pressure_max still hold up new sessions before the host suffers, and each session "
    "has its own limit all the same. With swap, or zram, freeze_after and memory_swap_max move out what rests.",
    "How long a start takes depends on ChimeraX and the disk, hardly on the sandbox: sandboxctl inspect lists each step of a session's start with its "
    "time. In the sources, tools/bench launch compares the sandbox alone with bwrap, crun and a bare clone3 on the host that it runs on.",
    ["sandboxctl top --once", "sandboxctl inspect ID"],
    "The site's budget is that of chimerax.slice: it bounds all sessions together, whatever policies and tenants say. A tenant's share is in its own "
    "file (memory_max, cpus, cpu_weight, pids_max), which the launcher writes to the tenant's slice. What a drop-in file of the slice says has the "
    "last word. What set-property gave it holds while the tenant has sessions, until its file has other limits or the launcher is started again.",
    [
        "systemctl edit chimerax.slice",
        "systemctl set-property chimerax.slice MemoryMax=96G",
        "systemctl set-property chimerax-acme.slice MemoryMax=32G",
        "systemctl set-property --runtime chimerax-acme.slice AllowedCPUs=0-7",
    ],
]

TUNING = [
    "A policy is made in six steps, none of which touches a session that runs. Write it: policy new makes a file with every key as the one that it "
    "extends has it, commented out. It needs only what it has otherwise than the one that it extends, and sandbox-policy(5) has every key. Check it: a "
    "mistake is told with line and column. Name it in policies of the tenants that may use it. Look at the plan: every mount, limit and rule of a "
    "session. See in what it differs. Have it read by the manager and the launcher, both or none.",
    [
        "sandboxctl policy new big --extends default",
        "sed -i '0,/^#memory_max.*/s//memory_max = \"6G\"/' /etc/chimerax-sandbox/policies/big.toml",
        "sandboxctl policy check /etc/chimerax-sandbox/policies/big.toml",
        "sandboxctl policy plan big --tenant acme",
        "sandboxctl policy diff default big",
        "sandboxctl admin reload",
    ],
    "Last, narrow its system calls, if that is worth it to you: run what your sessions do with their calls counted, and have a profile written that "
    "allows no others. It knows no more than it saw; the difference to the one that was there is what to think about.",
    ["sandboxctl policy learn big --tenant acme script.cxc"],
    "The vendor's policies are in /usr/share/chimerax-sandbox/policies and are replaced by upgrades. A file of the same name in "
    "/etc/chimerax-sandbox/policies takes the place of one, and stays.",
]

REASONS_INTRO = [
    "Each session that has ended has a reason, in end.reason of its JSON, with a message and, where ChimeraX wrote any, the log's last lines. It is "
    "what this software intended, else what the kernel counted, else how ChimeraX exited.",
    ["sandboxctl status ID", "sandboxctl logs ID"],
]

# One for each EndReason: tests/docs/operations_test.py compares them with the program's.
REASONS = [
    ("deleted", "Somebody asked for it: sandboxctl stop or kill, or a DELETE. The audit trail has who. Nothing is to be done."),
    ("idle",
     "Nobody used it for as long as end_after of its policy, or its caller, allows. If that was too soon: a longer end_after, sandboxctl touch, or "
     "active_cpus, by which a session that computes is in use."),
    ("lifetime",
     "It lived for as long as max_lifetime allows. sandboxctl extend puts that off, up to the policy's [override] max_lifetime; events tell 10 and 2 "
     "minutes before."),
    ("exited",
     "ChimeraX exited by itself; exit_status has how. With 0 somebody told it to, by exit or by a script's end. With another, read the log: 70 is a "
     "start-up command that failed, 64 a wrong option in chimerax.arguments, 1 a home that cannot be written."),
    ("signalled",
     "ChimeraX died of a signal, which is a crash of its own, or a system call that its seccomp profile kills. The log ends with ChimeraX' traceback, "
     "the kernel's log tells of seccomp. [recovery] max_restarts starts it again in its place."),
    ("oom",
     "It used more memory than its memory_max, and the kernel killed it; nobody else is concerned. Ask for more with --memory as far as [override] "
     "goes, raise memory_max, or open less: memory_peak has how much it was, and the files in /work, /tmp and the home count."),
    ("start_timeout",
     "ChimeraX ran, and did not answer on its REST port in start_timeout. The log says why: a library that no bind shows, a cold disk. A slow host "
     "needs a longer start_timeout."),
    ("hung",
     "ChimeraX stopped to answer while it was not at work, or a command took longer than command_timeout. The command may have done its work. Raise "
     "command_timeout for commands that are known to be long."),
    ("crash_loop",
     "It crashed or hung more often than max_restarts in the window allows. The message has the last cause, and the log what ChimeraX said: mostly it "
     "is the same file or command each time."),
    ("launch_failed", "No sandbox could be made. The message is the launcher's own and names the step, and mostly a cure; see TROUBLESHOOTING."),
    ("queue_timeout",
     "No place was free before its deadline. The message names what was missing. See sandboxctl top and GET /v1/pressure: more places, a larger "
     "budget, shorter end_after, or another host."),
    ("shutdown", "The manager was told to stop, and on_stop is \"end\". With on_stop = \"keep\" sessions wait for the next manager."),
    ("cancelled",
     "Its caller went away or deleted it before it was ready. Nothing is to be done; where it comes often, the callers' own time-outs are shorter than "
     "queue and start."),
    ("orphaned",
     "Its processes were gone when the manager or the launcher came back, and nothing tells how they ended: somebody killed them, or a control group "
     "was removed. The kernel's log and the journal of that time may say who."),
    ("host_restarted", "The host went down under it. What was in its workspace has gone with the memory; what was fetched before is all there is."),
]

UPGRADE = [
    "Packages hand over: the new programs take the place of the old ones while the sessions live on, with their tokens, ports and commands that are "
    "under way. By hand, after the new programs are installed, this has the manager finish what it answers and leave, for the next one to take over:",
    ["sandboxctl admin handover"],
    "Sessions keep the policy and the sandbox with which they were started. A session of an older launcher is managed as any other; what a new version "
    "makes otherwise shows in new sessions only. The store is brought to the new version at the first start and cannot be read by older ones after it: "
    "make a backup first, if you may want to go back.",
]

BACKUP = [
    "A backup can be made at any time, without a stop: the store, sandboxd.toml, the policies and the tenants. There are hashes of tokens in it, and "
    "no token. Copy audit trail and logs (manager/audit and manager/logs in the state's folder) as files, if they are to be kept.",
    ["sandboxctl admin backup /root/chimerax-sandbox.tar"],
    "To restore it, on this host or a new one with the same version or a later one:",
    [
        "systemctl stop chimerax-sandbox.target chimerax-sandboxd chimerax-sandbox-launcher",
        "mkdir -m 700 /root/restored",
        "tar -xf /root/chimerax-sandbox.tar -C /root/restored --no-same-owner",
        "install -m 644 /root/restored/sandboxd.toml /etc/chimerax-sandbox/",
        "chmod -R u=rwX,go=rX /root/restored/*/",
        "cp -r --preserve=mode /root/restored/*/ /etc/chimerax-sandbox/",
        "install -d -m 700 -o chimerax-sandbox -g chimerax-sandbox /var/lib/chimerax-sandbox/manager",
        "install -m 600 -o chimerax-sandbox -g chimerax-sandbox /root/restored/sessions.db /var/lib/chimerax-sandbox/manager/",
        "rm -f /var/lib/chimerax-sandbox/manager/sessions.db-wal /var/lib/chimerax-sandbox/manager/sessions.db-shm",
        "rm -r /root/restored",
        "systemctl start chimerax-sandbox.target",
    ],
    "Sessions of the backup that still run are taken over; the others end as host_restarted or orphaned.",
]

DRAIN = [
    "Before a reboot, let the sessions end in their own time. New ones are refused with 503 and the reason draining, which a load balancer sees at "
    "/readyz, too. The drain holds over restarts of the manager and of the host, until it is undone.",
    ["sandboxctl admin drain --wait", "systemctl reboot", "sandboxctl admin drain --undo"],
    "A tenant who does not end a session keeps the drain waiting for as long as its max_lifetime: sandboxctl ls shows who, and sandboxctl stop ends "
    "one.",
]

WATCHING = [
    "What launcher and manager log is in the journal. Lines that are about a session or a tenant have fields by which the journal finds them; what "
    "ChimeraX itself wrote is in the session's own log instead, sandboxctl logs ID, also after its end.",
    ["journalctl -u chimerax-sandboxd -u chimerax-sandbox-launcher", "journalctl SESSION=ID", "journalctl TENANT=acme"],
    "GET /metrics is for Prometheus, with alert rules in the sources' tools/monitoring. For a report of a fault, sandboxctl debug ID writes what is "
    "known of a session into one file, without its secrets.",
]

TROUBLESHOOTING_INTRO = ["By the error's own words; \"...\" stands for what differs. sandboxctl doctor finds most of these by itself."]

# Each with what a program says: tests/docs/operations_test.py looks for the words in the sources.
SYMPTOMS = [
    ("… cannot be reached: …",
     "No manager is at this address. See systemctl status chimerax-sandboxd.socket chimerax-sandboxd; without units, whether sandbox-launcher "
     "--with-manager runs. Another address is given by --host or SANDBOX_HOST."),
    ("the launcher cannot be reached, so no session can be made",
     "The manager runs and the launcher does not. See journalctl -u chimerax-sandbox-launcher: mostly a file of a policy that is not root's alone, or "
     "a user that is missing. Sessions that run are not concerned."),
    ("… sets …, but the cgroup controller … is not available in …",
     "The host cannot enforce a limit of the policy. Boot with the unified hierarchy (systemd.unified_cgroup_hierarchy=1; on some ARM kernels "
     "cgroup_enable=memory, too). enforcement = \"best-effort\" in the policy starts sessions with less."),
    ("cannot make a user namespace",
     "A sysctl forbids them or they are used up: user.max_user_namespaces must not be 0. In a container, its runtime must allow them."),
    ("policy … shows …, which this host does not have",
     "A bind of the policy is not on this host. Install what provides it, or mark the bind with optional = true."),
    ("ChimeraX cannot be started in the sandbox: …",
     "The program, its interpreter or a library is not visible in the sandbox, or not executable for everybody. sandboxctl policy plan shows the "
     "mounts; add a bind, or correct chimerax.executable."),
    ("ChimeraX did not answer on its REST port within …", "See start_timeout above."),
    ("the sandbox ended without a word while it was made",
     "The kernel ended it: see dmesg for a seccomp kill or an OOM kill of the launcher's own group, whose MemoryMax is then too low."),
    ("all … places of this host are taken",
     "As many sessions run as [admission] max_sessions or slots allow, and the caller did not want to wait, or the queue is full."),
    ("of the host's … for sessions not … are left for another",
     "The memory budget is promised. End sessions, lower memory_max of policies, raise memory_overcommit, or add memory: see SIZING."),
    ("tenant … has its … sessions already", "The tenant's own max_sessions. Raise it in its file, then sandboxctl admin reload."),
    ("the host has too much to do for another session: …",
     "A gate is closed; the message has which, its value and its limit. memory_available and memory_pressure: too many sessions work at once. "
     "io_pressure: a slow disk, or swap that is busy. disk_free: make room in the file system of the state's folder. descriptors: raise LimitNOFILE of "
     "chimerax-sandboxd.service."),
    ("the host takes no new sessions: it is being drained", "Somebody has drained it, perhaps before a reboot: sandboxctl admin drain --undo."),
    ("user … has no role here",
     "On the unix socket the caller's user decides. List the user in users of a tenant's file, add it to the group chimerax-sandbox-admin, or send a "
     "token."),
    ("the token is not one of this site",
     "It is mistyped, or another site's, or the store was restored from before it was made. sandboxctl token ls shows those that are valid."),
    ("the Host header names neither loopback nor a name of this site",
     "Callers use a name that the site does not know: add it to host_names of sandboxd.toml and reload."),
    ("policy … is in force as another one than the manager read",
     "A file was changed, and one of the programs was started anew since: sandboxctl admin reload has both read the same."),
    ("… can be written by …, not by root alone",
     "The launcher takes no policy that others than root could change: chmod go-w, and chown root:root, the file and all folders above it."),
    ("the manager's user … is not in /etc/passwd", "Make the user, with the command that the message has, or name another as manager_user."),
    ("cannot keep sandbox-init in a memory file that can be executed",
     "The sysctl vm.memfd_noexec is 2. sysctl vm.memfd_noexec=1 leaves the choice to programs."),
    ("the kernel does not load the packet filter of the session links (bpf(2))",
     "The kernel lacks CONFIG_BPF_SYSCALL, or a container or unit withholds CAP_BPF or CAP_NET_ADMIN from the launcher."),
    ("systemd did not start … within …",
     "systemd or the system bus does not answer: see systemctl status dbus. cgroup_driver = \"cgroupfs\" does without them."),
    ("ChimeraX did not save the picture: …",
     "Offscreen rendering needs libOSMesa, or what stands in for it, in the sandbox: sandboxctl doctor --picture tries it. A very large picture may "
     "exceed the session's memory."),
    ("session … has a process that the kernel cannot kill",
     "It waits for a device or a file system (state D), mostly a network file system that a policy binds. The session stays stuck, and its slot "
     "unused, until that answers again."),
    ("the certificate … has expired: clients refuse it; renew it", "Renew it, then sandboxctl admin reload: the new one is taken without a restart."),
]

HARDENING = [
    "SECURITY.md of the sources says what is a boundary and what is not. All of the following is beside it: the sandboxes hold without.",
    "systemd. The manager's unit is confined as far as it goes; the launcher's lacks what would keep it from its work. See what is left open, and "
    "prove that a live session is as its policy promised:",
    ["systemd-analyze security chimerax-sandboxd chimerax-sandbox-launcher", "sandboxctl verify ID"],
    "SELinux. The module chimerax_sandbox has a domain each for launcher, manager and sessions: chimerax_sandbox_launcher_t, chimerax_sandboxd_t and "
    "chimerax_session_t. A session gets into its domain when sandbox-init is executed, which is a memory file of the launcher's with the type "
    "chimerax_session_exec_t. A launcher that is in its own domain, as one that systemd started is, asks for two MCS categories with it, by the "
    "session's slot, which no other live session has: so the kernel keeps sessions apart by them too, also two of the same tenant. Categories are not "
    "kept for a tenant: its next session has others, and nothing of a session outlives it that would need them. A launcher that was started by hand is "
    "in the domain of whoever did that, and asks for nothing: its sessions stay in that domain. What the sandbox shows of the host has the host's own "
    "types, and a policy's binds must be of such as every program may read. All three domains are permissive: what the rules forbid is logged and let "
    "pass. Run your site's work, and look for denials:",
    ["ausearch -m AVC -ts today"],
    "Where there are none, enforce. This takes the lines that make them permissive out of a copy of the module, which then goes before the package's; "
    "an upgrade leaves it there, so make it anew after one. The last command goes back:",
    [
        "semodule --cil -E chimerax_sandbox",
        "sed -i /typepermissive/d chimerax_sandbox.cil",
        "semodule -X 500 -i chimerax_sandbox.cil",
        "semodule -X 500 -r chimerax_sandbox",
    ],
    "AppArmor. The file chimerax-sandbox has the profiles sandbox-launcher, sandboxd and chimerax-session, all in complain mode. A session is under "
    "the launcher's profile and its own, stacked, as is a manager that the launcher starts: both must allow what it does, since no_new_privs lets the "
    "kernel add a profile, and not replace one. Binds of yours at unusual places are covered; more goes to /etc/apparmor.d/local. Run your site's "
    "work, look for ALLOWED in the kernel's log, and enforce; aa-complain goes back:",
    ["journalctl -k -g apparmor=.ALLOWED", "aa-enforce /etc/apparmor.d/chimerax-sandbox", "aa-complain /etc/apparmor.d/chimerax-sandbox"],
    "Who may do what. Members of the group chimerax-sandbox-admin can do on the unix socket all that root can at the API: keep it small. Programs get "
    "a token with the smallest role that does: session, tenant or monitor, and an end. Over a network the API wants TLS, by [tls] of sandboxd.toml; "
    "listen_insecure is for networks where nobody else is.",
    ["usermod -aG chimerax-sandbox-admin alice", "sandboxctl token new --tenant acme --name backend --ttl 30d", "sandboxctl token ls"],
]

CHAPTERS = [
    ('"STARTING AND STOPPING"', STARTING),
    ("SIZING", SIZING),
    ('"TUNING A POLICY"', TUNING),
    ('"WHY A SESSION ENDED"', [*REASONS_INTRO, REASONS]),
    ("UPGRADE", UPGRADE),
    ('"BACKUP AND RESTORE"', BACKUP),
    ('"DRAIN BEFORE A REBOOT"', DRAIN),
    ("WATCHING", WATCHING),
    ("TROUBLESHOOTING", [*TROUBLESHOOTING_INTRO, SYMPTOMS]),
    ("HARDENING", HARDENING),
]
