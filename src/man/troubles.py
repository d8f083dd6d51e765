"""Why sessions end, and what troubles mean, for chimerax-sandbox(7): pairs of a term and its text."""

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
     "ChimeraX died of a signal: by a crash of its own, or by a system call that its seccomp profile kills. The log ends with ChimeraX' traceback, "
     "the kernel's log tells of seccomp. [recovery] max_restarts starts it again in its place."),
    ("oom",
     "It used more memory than its memory_max, and the kernel killed it; nobody else is concerned. Ask for more with --memory as far as [override] "
     "goes, raise memory_max, or open less: memory_peak has how much it was, and the files in /work, /tmp and the home count."),
    ("start_timeout",
     "ChimeraX ran, and did not answer on its REST port in start_timeout. The log says why: a library that no bind shows, a cold disk. A slow host "
     "needs a longer start_timeout."),
    ("hung",
     "ChimeraX stopped answering while it was not at work, or a command took longer than command_timeout. The command may have done its work. Raise "
     "command_timeout for commands that are known to be long."),
    ("crash_loop",
     "It crashed or hung more often than max_restarts in the window allows. The message has the last cause, and the log what ChimeraX said: mostly it "
     "names the same file or command each time."),
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
     "All sessions run that [admission] max_sessions or slots allow, and the caller did not want to wait, or the queue is full."),
    ("of the host's … for sessions not … are left for another",
     "The memory budget is promised. End sessions, lower memory_max of policies, raise memory_overcommit, or add memory: see SIZING."),
    ("tenant … has its … sessions already", "The tenant's own max_sessions. Raise it in its file, then sandboxctl admin reload."),
    ("the host is overloaded and takes no further session: …",
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
