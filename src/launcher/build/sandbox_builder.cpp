#include "launcher/build/sandbox_builder.hpp"

#include "launcher/build/child_inheritance.hpp"
#include "launcher/build/session_network.hpp"
#include "launcher/build/syscall_recorder.hpp"
#include "launcher/host/session_label.hpp"
#include "launcher/records/expectations.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/kernel/namespace.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/kernel/seccomp_notify.hpp"
#include "sandbox/protocol/init_config.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandbox::launcher {

namespace wire = protocol::init;

namespace {

kernel::CgroupDir duplicate(const kernel::CgroupDir& dir) {
    return {UniqueFd(::fcntl(dir.fd(), F_DUPFD_CLOEXEC, 0)), dir.path()};
}

/// Runs `make`, marks the step, and is where a test's launcher dies after it.
template <typename Make>
auto stepped(const LauncherContext& context, SharedTimeline& timeline, Step step, Make make) {
    auto made = make();
    timeline.get().mark(step);
    fault_point(context, step);
    return made;
}

bool is_missing_program(int error_number) {
    return error_number == ENOENT || error_number == EACCES || error_number == ENOEXEC ||
           error_number == ENOTDIR || error_number == ELOOP;
}

/// Of what sandbox-init does to start ChimeraX: pipe(2), fork(2), execve(2).
std::string exec_cure(const SandboxSpec& spec, int error_number) {
    if (is_missing_program(error_number))
        return "check chimerax.executable and filesystem.binds of policy " + spec.policy +
               ": the program, its interpreter and its libraries must be visible and executable for everyone";
    switch (error_number) {
    case EAGAIN:
        return "raise resources.pids_max of policy " + spec.policy + ", or what bounds processes above it";
    case EMFILE:
        return "raise resources.nofile of policy " + spec.policy;
    case ENOMEM:
        return "raise resources.memory_max of policy " + spec.policy;
    case E2BIG:
        return "shorten chimerax.arguments and chimerax.environment of policy " + spec.policy;
    default:
        return {};
    }
}

Error step_error(const SandboxSpec& spec, const wire::Status& status, std::size_t size) {
    if (size != sizeof status)
        return {Errc::internal,
                "session " + spec.session + ": the sandbox ended without a word while it was made",
                "see the kernel's log (dmesg): a seccomp kill or an OOM kill is told there"};
    const std::string text(status.text, ::strnlen(status.text, sizeof status.text));
    if (status.step == wire::kExecStep)
        return {is_missing_program(status.error_number) ? Errc::unsupported : Errc::io,
                "ChimeraX cannot be started in the sandbox: " + text + ": " +
                    std::strerror(status.error_number),
                exec_cure(spec, status.error_number)};
    const bool is_user_namespace = status.step == static_cast<std::uint32_t>(Step::user_namespace);
    return {status.error_number == EPERM || status.error_number == EACCES ? Errc::denied : Errc::io,
            "session " + spec.session + ": step " +
                std::string(status.step < kStepCount ? to_text(static_cast<Step>(status.step)) : "unknown") +
                ": " + text,
            is_user_namespace ? kernel::namespace_cure(status.error_number, "user") : ""};
}

} // namespace

SharedTimeline::SharedTimeline() {
    void* memory =
        ::mmap(nullptr, sizeof(Timeline), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw_errno("mmap");
    timeline_ = new (memory) Timeline();
}

SharedTimeline::~SharedTimeline() {
    ::munmap(timeline_, sizeof(Timeline));
}

ScopedChild::~ScopedChild() {
    if (!pidfd_)
        return;
    kernel::send_signal(pidfd_.get(), SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

ScopedChild& ScopedChild::operator=(ScopedChild&& other) noexcept {
    std::swap(pid_, other.pid_);
    pidfd_.swap(other.pidfd_);
    return *this;
}

SandboxBuilder::SandboxBuilder(LauncherContext& context, SeccompPrograms& programs, SandboxSpec spec,
                               const TenantGroup& group, const Timeline& started, std::string token_hash)
    : context_(context),
      spec_(std::move(spec)),
      token_hash_(std::move(token_hash)),
      folder_([&] {
          timeline_.get() = started;
          return stepped(context_, timeline_, Step::run_folder,
                         [&] { return SessionDir(context_, spec_.session); });
      }()),
      network_(
          stepped(context_, timeline_, Step::network, [&] { return make_session_network(context_, spec_); })),
      tenant_(duplicate(group.dir)),
      cgroup_(stepped(context_, timeline_, Step::cgroup, [&] { return SessionCgroup(spec_, tenant_); })) {
    start_child(programs);
    timeline_.get().mark(Step::clone);
    fault_point(context_, Step::clone);
}

UniqueFd SandboxBuilder::make_config() const {
    std::string text;
    const auto add = [&](const std::string& value) { text.append(value).push_back('\0'); };
    add(wire::kConfigVersion);
    add(std::to_string(std::max<std::uint64_t>(spec_.log_size.value / 2, 4096)));
    add(spec_.cwd);
    for (const auto* list : {&spec_.argv, &spec_.environment}) {
        add(std::to_string(list->size()));
        for (const std::string& value : *list)
            add(value);
    }
    if (text.size() > wire::kMaxConfig || spec_.argv.size() + spec_.environment.size() > wire::kMaxStrings)
        throw Error(Errc::too_large, "the arguments and the environment of ChimeraX are too large",
                    "they may be " + std::to_string(wire::kMaxConfig) + " bytes together",
                    "chimerax.environment");
    UniqueFd config(::memfd_create("sandbox-init-config", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!config)
        throw_errno("memfd_create");
    write_all(config.get(), text, "the configuration of sandbox-init");
    if (::lseek(config.get(), 0, SEEK_SET) != 0 ||
        ::fcntl(config.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
        throw_errno("cannot seal the configuration of sandbox-init");
    return config;
}

void SandboxBuilder::start_child(SeccompPrograms& programs) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw_errno("socketpair");
    status_ = UniqueFd(ends[0]);
    const UniqueFd child_status(ends[1]);
    const UniqueFd config = make_config();
    const kernel::CgroupDir payload = cgroup_.session().open_child("payload");
    const auto open_procs = [](const kernel::CgroupDir& group) {
        return group.open_file(kernel::cgroup_file::kProcs, O_WRONLY | O_CLOEXEC);
    };
    const UniqueFd payload_procs = open_procs(payload);
    const kernel::CgroupDir init = cgroup_.session().open_child("init");
    const UniqueFd init_procs = open_procs(init);
    const std::vector<sock_filter>& filter = programs.get(spec_.digest, spec_.seccomp);
    std::optional<SyscallRecorder> learner;
    if (spec_.learns)
        learner.emplace(context_, spec_.session);
    const ChildInput input{.spec = spec_,
                           .timeline = timeline_.get(),
                           .anchor = context_.anchor(),
                           .label = session_label(own_label(), spec_.slot),
                           .netns = network_.get(),
                           .cgroup_namespace = cgroup_.name_space(),
                           .status = child_status.get(),
                           .launchers_status = status_.get(),
                           .config = config.get(),
                           .record = folder_.record(),
                           .payload_procs = payload_procs.get(),
                           .init_procs = init_procs.get(),
                           .logs = {folder_.log(0), folder_.log(1), folder_.log(2), folder_.log(3)},
                           .init_image = context_.init_image.get(),
                           .seccomp = learner ? kernel::notifying_program(filter, kReadyFd) : filter,
                           .learner = learner ? learner->ready() : -1,
                           .fault = step_from_text(context_.fault)};
    // Into payload/, so that ChimeraX is born there: its start does not wait for a move between groups.
    // sandbox-init leaves once ChimeraX runs.
    kernel::CloneResult clone =
        kernel::clone_process(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS, payload.fd());
    if (clone.pid == 0)
        run_child(input);
    child_ = ScopedChild(clone.pid, std::move(clone.pidfd));
    if (learner)
        learner_ = learner->start(child_.pidfd(), init.fd(), filter);
    network_.reset(); // the child holds it from here on
}

void SandboxBuilder::write_id_maps() const {
    const std::string proc = "/proc/" + std::to_string(child_.pid()) + "/";
    const std::string map = std::to_string(kInsideUid) + " " + std::to_string(spec_.uid) + " 1\n";
    for (const auto& [name, text] :
         {std::pair<const char*, std::string>{"setgroups", "deny\n"}, {"gid_map", map}, {"uid_map", map}}) {
        const UniqueFd file = open_fd(proc + name, O_WRONLY);
        write_all(file.get(), text, proc + name);
    }
}

bool SandboxBuilder::advance() {
    wire::Status status{};
    const ssize_t size = ::recv(status_.get(), &status, sizeof status, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (status.error_number == kFaultReached && size == sizeof status)
        ::kill(::getpid(), SIGKILL);
    if (size != sizeof status || status.error_number != 0)
        throw step_error(spec_, status, size < 0 ? 0 : static_cast<std::size_t>(size));
    if (status.step == wire::kExecStep) {
        timeline_.get().mark(Step::exec_engine);
        fault_point(context_, Step::exec_engine);
        return true;
    }
    write_id_maps();
    put_inheritance_of_child_right(child_.pid(), spec_);
    timeline_.get().mark(Step::id_maps);
    fault_point(context_, Step::id_maps);
    if (::send(status_.get(), "", 1, MSG_NOSIGNAL) != 1)
        throw_errno("cannot answer the sandbox in the making");
    return false;
}

Sandbox SandboxBuilder::finish() {
    const pid_t init = child_.pid();
    const std::optional<std::uint64_t> start_time = kernel::start_time(init);
    if (!start_time)
        throw Error(Errc::io, "session " + spec_.session + " ended as soon as it was made");
    protocol::Launched facts;
    facts.session = spec_.session;
    facts.slot = spec_.slot;
    facts.tenant = spec_.tenant;
    facts.policy = spec_.policy;
    facts.digest = spec_.digest;
    facts.init_pid = init;
    facts.start_time = *start_time;
    facts.engine_pid = find_engine(cgroup_.session(), init);
    facts.uid = spec_.uid;
    facts.address = spec_.address;
    facts.port = spec_.port;
    facts.publish = spec_.publish;
    facts.cgroup = cgroup_.session().path();
    facts.log_dir = log_folder(context_, spec_.session);
    facts.executable = spec_.executable;
    facts.stand_in = spec_.stand_in;
    facts.token_hash = token_hash_;
    facts.not_enforced = cgroup_.not_enforced();
    facts.memory_max = spec_.memory_max;
    facts.cpus = spec_.cpus;
    facts.pids_max = spec_.pids_max;
    facts.learner_pid = learner_;
    timeline_.get().mark(Step::recorded);
    facts.timeline = timeline_.get().entries();
    write_expectations(context_, spec_, init);
    write_session_file(context_, facts);
    fault_point(context_, Step::recorded);
    folder_.keep();
    return {std::move(facts), child_.release(), cgroup_.keep(), UniqueFd()};
}

} // namespace sandbox::launcher
