"""What chimerax-sandbox(7) says: how a site is run. A text is a paragraph, a list of texts the lines that a reader types, and a list of
pairs the terms of a list."""

from troubles import REASONS, SYMPTOMS

SUMMARY = "run a site of sandboxed ChimeraX sessions"

STARTING = [
    "As packaged, three units make a site, and a target stands for all of them. sandbox-launcher --with-manager, started by hand, makes the same site "
    "without systemd's part in it.",
    [
        ("chimerax-sandbox.target", "All of it: what is enabled at boot, started and stopped."),
        ("chimerax-sandbox-launcher.service", "sandbox-launcher, as root: it makes the sandboxes."),
        ("chimerax-sandboxd.service", "sandboxd, the manager with the HTTP API, as the user chimerax-sandbox in the gateway's network namespace."),
        ("chimerax-sandboxd.socket",
         "The unix socket of the API. It stays while the manager is started again: callers wait, and none is refused. A restart of the target closes it "
         "for a moment."),
        ("chimerax-sandboxd-tcp.socket",
         "The same for listen_tcp of sandboxd.toml, from which it is made when systemd reads its units: at boot, and at systemctl daemon-reload."),
        ("chimerax.slice", "The control group of all sessions: the site's budget. Below it each tenant has a slice of its own, chimerax-TENANT.slice."),
    ],
    ["systemctl enable --now chimerax-sandbox.target", "sandboxctl doctor"],
    "doctor looks at everything that the site needs, and names a cure for each thing that is missing. It is the first thing to run on a new host, and "
    "after an upgrade of the kernel.",
    "SIGTERM, and so a stop of the target, ends all sessions in good order, unless sandboxd.toml has on_stop = \"keep\": then they wait for the next "
    "manager. On a stop systemd waits only for the units that are named: name the services too where you need them to have ended. Whichever program is "
    "killed or started again by itself takes the sessions over, with their tokens and ports.",
    "/etc/chimerax-sandbox/sandboxd.toml is the one file to edit. What of it the units have to know (where the API listens, the manager's user, the "
    "folders) reaches them by systemctl daemon-reload, and then a restart of the target. The rest is taken by a reload, which is the same as sandboxctl admin "
    "reload: see POLICIES AND TENANTS.",
    [
        "systemctl stop chimerax-sandbox.target",
        "systemctl restart chimerax-sandbox-launcher",
        "systemctl restart chimerax-sandboxd",
        "systemctl reload chimerax-sandboxd",
        "systemctl daemon-reload",
        "systemctl restart chimerax-sandbox.target",
    ],
    "What a crash may have left behind is found, and removed, by",
    ["sandboxctl gc --dry-run", "sandboxctl gc"],
]

CALLERS = [
    "On the unix socket the caller's user decides what it may do. Other hosts reach the API by TLS, with a token. In sandboxd.toml, from the next start "
    "of the launcher on (with the units, by a daemon-reload and a restart of the target):",
    [
        'listen_tcp = ["0.0.0.0:8600"]',
        'host_names = ["sandbox.example.org"]     # what callers call it, beside loopback\'s names',
        "[tls]",
        'certificate = "/etc/chimerax-sandbox/tls/fullchain.pem"',
        'key = "/etc/chimerax-sandbox/tls/key.pem"    # mode 0600 of sandboxd\'s user, or 0640 root and its group',
    ],
    "An operator on another host, or a web back end, then has",
    [
        "(umask 077; sandboxctl token new --tenant acme --ttl 30d > acme.token)",
        "sandboxctl --host https://sandbox.example.org:8600 --token-file acme.token ls",
    ],
    "A token is an admin's, a tenant's, one session's or a monitor's (/metrics and /v1/pressure alone). It ends by itself, and holds no more from the "
    "moment of sandboxctl token revoke. --ca-file names the authority of a certificate whose authority the system does not know.",
    "Without [tls] the API listens on loopback alone, unless listen_insecure = true says that nobody else is on that network.",
    "Commands, pictures and files that come while a session is queued, starts or starts again wait for it, up to their time-out, or else for at most 10 "
    "minutes. sandboxctl attach takes commands as they are typed. A create with the header Idempotency-Key can be sent again by a client that lost its "
    "connection: it gets the same session, and keeps its place in the queue meanwhile.",
    "The shells complete verbs, options, and the ids, policies and tenants that are there; packages install this, and elsewhere it is loaded by the "
    "first line in bash (the same with zsh), and by the second one in fish:",
    ["source <(sandboxctl completion bash)", "sandboxctl completion fish | source"],
]

DASHBOARD = [
    'With listen_tcp = ["127.0.0.1:8080"] in sandboxd.toml, http://127.0.0.1:8080/ is a page that shows the sessions, what they use, and the room of the '
    "host, and that freezes, thaws, extends and ends them. Log in with the token of an admin, a tenant or a session (token_hashes in a tenant's file "
    "has the SHA-256 of each that is its own). The token stays in the page's memory, and the page shows what it may see. From another machine, go "
    "through ssh:",
    ["sandboxctl token new --role admin", "ssh -L 8080:127.0.0.1:8080 HOST"],
    "The page is part of sandboxd where npm was there when the tree was configured; -Ddashboard=enabled makes its absence an error.",
]

SIZING = [
    "Memory decides how many sessions a host holds, because ChimeraX uses hardly any CPU while nobody asks it for anything. A ChimeraX 1.12 without windows "
    "had 160 MB resident at rest, 227 MB after a small structure with a surface and a picture, and 770 MB after the surface of 26,000 atoms. Eight "
    "that had just started had 652 MB together, because they share the pages of their program. Files in /work, /tmp and the home count as the session's "
    "memory, too.",
    "What this software adds is small. Measured with 40 sessions of the build's stand-in on Linux 6.18, x86-64: the launcher had 13 MB resident at "
    "rest and 14 MB with all of them, the manager 16 MB and 18 MB, which is 45 KB a session after the first; sandbox-init in each sandbox had 0.8 MB "
    "resident, 0.1 MB of it its own. A session takes 8 file descriptors of the manager and 3 of the launcher. The manager's memory also has what it "
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
    "last word. What set-property gave the slice holds while the tenant has sessions, until the tenant's file has other limits or the launcher is "
    "started again.",
    [
        "systemctl edit chimerax.slice",
        "systemctl set-property chimerax.slice MemoryMax=96G",
        "systemctl set-property chimerax-acme.slice MemoryMax=32G",
        "systemctl set-property --runtime chimerax-acme.slice AllowedCPUs=0-7",
    ],
]

POLICIES = [
    "A policy says what a session is made of. A tenant's file, /etc/chimerax-sandbox/tenants/NAME.toml, says which policies the tenant may use, who acts "
    "as the tenant, and the limits of all its sessions together. Root alone must be able to write them. sandbox-policy(5) has every key of a policy, "
    "the two layers of the vendor and the admin, and what one policy takes from another; upgrades replace the vendor's layer alone.",
    [
        "sandboxctl tenant new NAME --policy strict",
        "sandboxctl policy ls",
        "sandboxctl policy show NAME --effective",
        "sandboxctl policy schema",
    ],
    "These write a tenant's file with every key commented out, say which layer each policy is of, what comes out of one with all that it extends, and "
    "each field with its unit and default.",
    "A changed file is in force after sandboxctl admin reload, or SIGHUP to either program. All files are read and checked first, by the manager and by "
    "the launcher, which takes only what root alone can write. Where one is wrong, each error is told with file, line and column, and all that was in "
    "force stays in force. Sessions that run keep the policy that they were started with. Of sandboxd.toml a reload takes on_stop, logs, admission, "
    "admin_group and admin_token_hashes; its answer names what has to wait for a restart. A program that starts reads the files as they are: it leaves "
    "out one that is wrong, and says so in its log.",
    "A host that cannot enforce a limit of a policy refuses to start the session, and says why. enforcement = \"best-effort\" in the policy starts it "
    "with less, and the session's JSON says what is not enforced. A caller that names no policy gets the first one of its tenant.",
]

TUNING = [
    "A policy is made in six steps, none of which touches a session that runs. Write it: policy new makes a file with every key of the policy that it "
    "extends, commented out; it needs only what it has otherwise than that one. Check it: a "
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
    "Last, narrow its system calls, if that is worth it to you: run what your sessions do with their calls counted (without a script the session is "
    "yours until Ctrl-C), and see which ones the profile refused, and which it allows for nothing. --profile FILE writes the profile that allows what "
    "was used and no more. It knows no more than it saw: think about the difference to the one that was there. Such a session may do no more than any "
    "other, and is slower: each of its calls passes through a process that counts it.",
    ["sandboxctl policy learn big --tenant acme script.cxc"],
    "To change one of the vendor's policies in place, write a file of the same name that extends that name: it has your limits, follows the vendor's next "
    "version in everything else, and all that extends it follows, too. One name alone tells the difference to the vendor's:",
    ["sandboxctl policy new strict --extends strict", "sandboxctl policy diff strict"],
]

FULL = [
    "A session needs a place: of the host, of its tenant (max_sessions), of its policy ([admission] max_sessions) and in the memory budget. Without one "
    "it is queued, tenants in turn, until its deadline (queue_timeout_seconds of the create; 0 means \"rather refuse me\"), or until its client goes. "
    "Where the queue has no room either, the answer is 429; where the host itself is short of memory, disk or descriptors, or stalls on them (PSI), it "
    "is 503. Both have Retry-After and a reason, and GET /v1/pressure shows limits, gates and queue to a load balancer. The limits are in sandboxd.toml; "
    "sandboxd.toml(5) has each one with its unit and default:",
    [
        "[admission]",
        "max_sessions = 200",
        'memory_budget = "96G"       # auto: the host\'s memory without a tenth',
        "memory_overcommit = 1.5     # sessions rarely use all that they may",
        "queue_length = 256",
        'queue_timeout = "1m"',
    ],
]

RESTING = [
    "[lifecycle] freeze_after stops a session that nobody uses; the next request thaws it. A session that works by itself, for example a simulation whose "
    "command has long been answered, is in use: active_cpus says from how many CPUs on, over 5 seconds. The memory of a session that rests goes to the "
    "swap, as far as the policy's memory_swap_max lets it; rest in the session's JSON says how much was reclaimed, or why nothing was.",
    "[recovery] max_restarts starts a crashed or hung ChimeraX again in its sandbox, and with autosave_every opens there what was saved last: two files in "
    "the workspace, /work/.autosave-0.cxs and -1.cxs, in turns. A command whose answer was lost is never sent again.",
    "GET /v1/sessions/{id}/events is a stream of what happens to a session, and GET /v1/events of what happens to all. 10 and 2 minutes before a clock "
    "ends a session there is an event expiring; sandboxctl touch and sandboxctl extend put the end off.",
]

REASONS_INTRO = [
    "Each session that has ended has a reason, in end.reason of its JSON, with a message and, where ChimeraX wrote any, the log's last lines. It is "
    "what this software intended, else what the kernel counted, else how ChimeraX exited.",
    ["sandboxctl status ID", "sandboxctl logs ID"],
]

LOGS = [
    "What ChimeraX wrote to stdout and stderr is kept when a session ends, whatever ended it, also where the manager, the launcher or the host went down "
    "meanwhile. sandboxctl logs ID and GET /v1/sessions/{id}/logs show it to whoever may see the session; end.log in the session's JSON, and sandboxctl "
    "status ID, say until when. The files are in /var/lib/chimerax-sandbox/manager/logs, for the manager's user alone. In sandboxd.toml, here with the "
    "defaults; a reload takes it:",
    [
        "[logs]",
        'keep = "7d"                # at most 7d, as long as an ended session is known; "none": a log goes with its session',
        'size_per_tenant = "64M"    # beyond it the tenant\'s own oldest go',
        'size = "1G"                # of all; beyond it the oldest of the tenant that keeps most go',
    ],
    "Where a log has gone, the API answers 410 with the session's end, in which log.reason is expired, dropped (newer ones needed the room), failed (for "
    "example on a full disk, which holds up no end), or off.",
]

AUDIT = [
    "The audit trail, a JSON object a line, is in /var/lib/chimerax-sandbox/manager/audit: who called for what, what came of it, and each step of each "
    "session. It is on the disk before a caller is told that a session was made, changed or ended, or that an admin's call was done; of commands nobody "
    "waits for that. On a full disk no session stops: lines wait in memory (16 MiB), and what finds no room there is told by a line audit.lost with how "
    "many, from when to when.",
    'A policy\'s [audit] commands says what the trail has of the commands that ChimeraX is given, by commands, raw REST or a published port: "text", '
    '"hash" (the default), or "none". A hash is HMAC-SHA-256 with the key in manager/audit-key, made at the first start, so that nobody without it can '
    "guess commands from the trail, and the same command has the same hash all over the site. Root finds the lines of a command that is known:",
    [
        # In parentheses, so that it works with the indentation of the page.
        "grep \"$(python3 -c 'import hmac, sys; print(hmac.new(",
        '  open("/var/lib/chimerax-sandbox/manager/audit-key", "rb").read(),',
        "  sys.argv[1].encode(), \"sha256\").hexdigest())' 'open structure.pdb')\" \\",
        "  /var/lib/chimerax-sandbox/manager/audit/*.jsonl",
    ],
    "A body that is sent to the raw REST is one command, as it came. Text is cut after 1 KiB, and after 16 KiB or 64 commands a line says how many more "
    "there were.",
]

UPGRADE = [
    "Packages hand over: the new programs take the place of the old ones while the sessions live on, with their tokens, ports and commands that are "
    "under way. By hand, after the new programs are installed, this has the manager finish what it answers and leave with exit status 75, for the next "
    "one to take over; callers that come meanwhile wait at the listening socket. systemd, or sandbox-launcher --with-manager, starts the next one:",
    ["sandboxctl admin handover"],
    "Sessions keep the policy and the sandbox with which they were started. A session of an older launcher is managed like any other; what a new version "
    "makes otherwise shows in new sessions only. The first start brings the store to the new version, and older versions cannot read it after that: "
    "make a backup first, if you may want to go back.",
]

BACKUP = [
    "A backup can be made at any time, without a stop: a consistent copy of the store, sandboxd.toml, the admin's policies and the tenants, in a file of "
    "mode 0600. The vendor's policies are part of the programs. There are hashes of tokens in it, and no token. The secret from which the tokens of an "
    "Idempotency-Key are made, and the key of the audit trail's hashes, are left out, and made anew where they are missing. Copy audit trail and logs "
    "(manager/audit and manager/logs in the state's folder) as files at any time, if they are to be kept.",
    ["sandboxctl admin backup /root/chimerax-sandbox.tar"],
    "To restore it, on this host or on a new one with the same version or a later one, where the programs and their user are installed; without "
    "systemd's units, stop and start the two programs by hand:",
    [
        "systemctl stop chimerax-sandbox.target chimerax-sandboxd chimerax-sandbox-launcher",
        "mkdir -m 700 /root/restored",
        "tar -xf /root/chimerax-sandbox.tar -C /root/restored --no-same-owner",
        "mkdir -p /etc/chimerax-sandbox",
        "install -m 644 /root/restored/sandboxd.toml /etc/chimerax-sandbox/",
        "chmod -R u=rwX,go=rX /root/restored/*/",
        "cp -r --preserve=mode /root/restored/*/ /etc/chimerax-sandbox/",
        "install -d -m 700 -o chimerax-sandbox -g chimerax-sandbox /var/lib/chimerax-sandbox/manager",
        "install -m 600 -o chimerax-sandbox -g chimerax-sandbox /root/restored/sessions.db /var/lib/chimerax-sandbox/manager/",
        "rm -f /var/lib/chimerax-sandbox/manager/sessions.db-wal /var/lib/chimerax-sandbox/manager/sessions.db-shm",
        "rm -r /root/restored",
        "systemctl start chimerax-sandbox.target",
    ],
    "Sessions that had not started when the backup was made are not in it. Those that lived and still run are taken over; the others end as "
    "host_restarted or orphaned.",
]

DRAIN = [
    "Before a reboot, let the sessions end in their own time. New ones are refused with 503, the reason draining and Retry-After, those in the queue end, "
    "and /readyz and /v1/pressure say so to a load balancer, too. The drain holds over restarts and handovers of the manager and over a boot of the "
    "host, until it is undone.",
    ["sandboxctl admin drain --wait", "systemctl reboot", "sandboxctl admin drain --undo"],
    "A tenant who does not end a session keeps the drain waiting for as long as its max_lifetime: sandboxctl ls shows who, and sandboxctl stop ends "
    "one.",
]

WATCHING = [
    "What launcher and manager log is in the journal, or on stderr where that is not the journal, a line a message. Each message about a session or a "
    "tenant has the fields SESSION and TENANT there, by which the journal finds what both programs say of it. What "
    "ChimeraX itself wrote is in the session's own log instead, sandboxctl logs ID, also after its end. Nothing that a message quotes makes a field or "
    "another line: control characters are shown as \\xNN. Where systemd watches the programs (WatchdogSec), the event loop of each says "
    "itself that it runs, at half of that time: one that hangs is found.",
    ["journalctl -u chimerax-sandboxd -u chimerax-sandbox-launcher", "journalctl SESSION=ID", "journalctl TENANT=acme -p warning"],
    "sandboxctl top shows live what sessions use: CPU and memory against their limits, processes, pressure, I/O, idle time; s sorts by the next column, q "
    "ends it, and into a pipe or with --once it prints one table. GET /v1/sessions/{id}/stats has what a session uses (memory, CPU, tasks, I/O, "
    "pressure), read each second; with ?history=1 it has the last hour, a point for each 10 s. tenant usage tells by day what the sessions of a tenant "
    "have used: how many, their hours, CPU seconds and memory; it is kept for 400 days. For a report of a fault, debug writes what is known of a session "
    "into one file, without its secrets.",
    ["sandboxctl top", "sandboxctl tenant usage NAME", "sandboxctl debug ID"],
    "GET /metrics is for Prometheus; an example of a scrape, alert rules and a Grafana dashboard are in the sources' tools/monitoring.",
]

VERIFYING = [
    "verify compares a live sandbox with what its policy promised when it was made: limits, processes and their cgroup, namespaces, ids, seccomp, "
    "capabilities, mounts with their flags and sizes, addresses and routes, descriptors, the published port. It prints a line for each, and the exit "
    "status is 1 where one does not hold.",
    ["sandboxctl verify ID"],
    "The launcher keeps the promise in a file that only root can read, and takes the facts from /proc and the cgroup; the comparison is made by "
    "sandboxctl. Run as root on the host, it asks the launcher itself, so that only the kernel, sandboxctl and the launcher need be trusted; by the "
    "API it is the manager that hands on what the launcher said, and the last line says so.",
]

TROUBLESHOOTING_INTRO = ["By the error's own words; \"...\" stands for what differs. sandboxctl doctor finds most of these by itself."]

HARDENING = [
    "SECURITY.md of the sources says what is a boundary and what is not. All of the following comes on top: the sandboxes hold without it.",
    "systemd. The manager's unit is confined as far as it goes; the launcher's lacks what would keep it from its work. See what is left open:",
    ["systemd-analyze security chimerax-sandboxd chimerax-sandbox-launcher"],
    "SELinux. The module chimerax_sandbox has a domain each for launcher, manager and sessions: chimerax_sandbox_launcher_t, chimerax_sandboxd_t and "
    "chimerax_session_t. A session gets into its domain when sandbox-init is executed, which is a memory file of the launcher's with the type "
    "chimerax_session_exec_t. A launcher in its own domain, for example one that systemd started, asks for two MCS categories with it, by the "
    "session's slot, which no other live session has: so the kernel keeps sessions apart by them too, also two of the same tenant. Categories are not "
    "kept for a tenant: its next session has others, and nothing of a session outlives it that would need them. A launcher that was started by hand is "
    "in the domain of the user who did that, and asks for nothing: its sessions stay in that domain. What the sandbox shows of the host has the host's own "
    "types, and a policy's binds must have types that every program may read. All three domains are permissive: what the rules forbid is logged and let "
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
    "the launcher's profile and its own, stacked, and so is a manager that the launcher starts: both must allow what it does, because no_new_privs lets "
    "the kernel add a profile, and not replace one. Binds of yours at unusual places are covered; more goes to /etc/apparmor.d/local. Run your site's "
    "work, look for ALLOWED in the kernel's log, and enforce; aa-complain goes back:",
    ["journalctl -k -g apparmor=.ALLOWED", "aa-enforce /etc/apparmor.d/chimerax-sandbox", "aa-complain /etc/apparmor.d/chimerax-sandbox"],
    "Who may do what. Members of the group chimerax-sandbox-admin can do on the unix socket all that root can at the API: keep it small. Programs get "
    "a token with the smallest role that does: session, tenant or monitor, and an end. Over a network the API wants TLS: see CALLERS.",
    ["usermod -aG chimerax-sandbox-admin alice", "sandboxctl token new --tenant acme --name backend --ttl 30d", "sandboxctl token ls"],
]

CHAPTERS = [
    ('"STARTING AND STOPPING"', STARTING),
    ("CALLERS", CALLERS),
    ("DASHBOARD", DASHBOARD),
    ("SIZING", SIZING),
    ('"POLICIES AND TENANTS"', POLICIES),
    ('"TUNING A POLICY"', TUNING),
    ('"WHEN THE HOST IS FULL"', FULL),
    ('"REST AND RECOVERY"', RESTING),
    ('"WHY A SESSION ENDED"', [*REASONS_INTRO, REASONS]),
    ('"LOGS OF SESSIONS"', LOGS),
    ('"AUDIT TRAIL"', AUDIT),
    ("UPGRADE", UPGRADE),
    ('"BACKUP AND RESTORE"', BACKUP),
    ('"DRAIN BEFORE A REBOOT"', DRAIN),
    ("WATCHING", WATCHING),
    ('"DOES IT HOLD?"', VERIFYING),
    ("TROUBLESHOOTING", [*TROUBLESHOOTING_INTRO, SYMPTOMS]),
    ("HARDENING", HARDENING),
]
