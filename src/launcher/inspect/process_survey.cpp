#include "launcher/inspect/process_survey.hpp"

#include "launcher/inspect/proc_dir.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/protocol/init_config.hpp"

#include <charconv>

#include <fcntl.h>
#include <linux/magic.h>
#include <nlohmann/json.hpp>
#include <sys/vfs.h>
#include <unistd.h>

namespace sandbox::launcher {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxListed = 128, kMaxExamined = 2048; ///< processes
constexpr std::size_t kMaxConfinements = 16, kMaxNamed = 8;
constexpr std::size_t kMaxDescriptors = 64, kMaxDescriptorsOfAll = 8192;
constexpr long kMqueueMagic = 0x19800202; ///< ipc/mqueue.c

std::optional<std::uint64_t> number_of(const std::string& text) {
    std::uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, ec] = std::from_chars(text.data(), end, number);
    return ec == std::errc{} && rest == end ? std::optional(number) : std::nullopt;
}

json confinement_of(const ProcDir& proc) {
    json namespaces = json::object();
    for (const char* kind : kNamespaceKinds)
        namespaces[kind] = proc.link("ns/" + std::string(kind));
    return {{"uid", proc.status("Uid")},
            {"gid", proc.status("Gid")},
            {"groups", proc.status("Groups")},
            {"seccomp", proc.status("Seccomp")},
            {"no_new_privs", proc.status("NoNewPrivs")},
            {"setgroups", proc.read("setgroups")},
            {"uid_map", one_spaced(proc.read("uid_map"))},
            {"gid_map", one_spaced(proc.read("gid_map"))},
            {"capabilities",
             {{"inheritable", proc.status("CapInh")},
              {"permitted", proc.status("CapPrm")},
              {"effective", proc.status("CapEff")},
              {"bounding", proc.status("CapBnd")},
              {"ambient", proc.status("CapAmb")}}},
            {"namespaces", std::move(namespaces)}};
}

class Survey {
  public:
    Survey(const Sandbox& sandbox, const std::set<std::string>& mounts)
        : sandbox_(sandbox),
          mounts_(mounts),
          init_(static_cast<pid_t>(sandbox.facts.init_pid)) {
        if (const auto proc = ProcDir::open(init_))
            pid_namespace_ = proc->link("ns/pid");
    }

    void look_at_group(const char* name) {
        for (const pid_t pid : sandbox_.cgroup.open_child(name).processes()) {
            if (examined_ == kMaxExamined) {
                more_ = true;
                return;
            }
            const std::optional<ProcDir> proc = ProcDir::open(pid);
            // It may have left meanwhile, and its pid be another's.
            if (proc && is_in_session(*proc))
                look_at(pid, *proc, name);
        }
    }

    /// By the sandbox's own /proc, whose numbers are those of its pid namespace: no process of the host's is
    /// looked at for it.
    void look_for_strays() {
        const auto init = ProcDir::open(init_);
        if (!init)
            return;
        const UniqueFd root(::openat(init->fd(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
        const UniqueFd folder(::openat(root.get(), "proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        struct statfs status {};
        if (!folder || ::fstatfs(folder.get(), &status) != 0 || status.f_type != PROC_SUPER_MAGIC)
            return;
        const std::vector<int> pids = numbered_entries(folder.get(), ".", kMaxExamined);
        more_ = more_ || pids.size() == kMaxExamined;
        for (const int pid : pids) {
            const auto proc = ProcDir::open_at(folder.get(), std::to_string(pid));
            if (!proc || is_in_session(*proc) || proc->status("State").starts_with("Z"))
                continue;
            const std::string group = proc->read("cgroup");
            if (!group.empty() && outside_.size() < kMaxNamed)
                outside_.push_back({{"pid_inside", pid},
                                    {"name", proc->status("Name")},
                                    {"cgroup", group.substr(group.rfind("0::") + 3)}});
        }
    }

    json facts() && {
        return {{"processes", std::move(processes_)},
                {"examined", examined_},
                {"more", more_},
                {"confinement", std::move(confinement_)},
                {"highest_limits", std::move(limits_)},
                {"lowest_oom_score_adj", lowest_score_ ? json(*lowest_score_) : json()},
                {"foreign", std::move(foreign_)},
                {"outside", std::move(outside_)},
                {"descriptors", {{"examined", descriptors_}, {"foreign", std::move(leaks_)}}}};
    }

  private:
    bool is_in_session(const ProcDir& proc) const {
        return proc.read("cgroup").find("/" + sandbox_.facts.session + "/") != std::string::npos;
    }

    void look_at(pid_t pid, const ProcDir& proc, const char* group) {
        // Who writes a file into the workspace is in the group for as long: the launcher's own child, as is
        // the learner, until the launcher is another one.
        if (pid != init_ &&
            (proc.status("PPid") == std::to_string(::getpid()) || pid == sandbox_.facts.learner_pid))
            return;
        const std::string state = proc.status("State");
        if (state.empty() || state.starts_with("Z") || state.starts_with("X"))
            return; // it has ended
        ++examined_;
        if (processes_.size() < kMaxListed)
            processes_.push_back({{"pid", pid},
                                  {"group", group},
                                  {"name", proc.status("Name")},
                                  {"state", state},
                                  {"threads", proc.status("Threads")},
                                  {"resident", proc.status("VmRSS")}});
        json confinement = confinement_of(proc);
        const std::string pid_namespace = confinement["namespaces"]["pid"];
        if (pid_namespace.empty())
            return; // it has ended meanwhile
        if (pid_namespace != pid_namespace_) {
            if (foreign_.size() < kMaxNamed)
                foreign_.push_back({{"pid", pid}, {"name", proc.status("Name")}});
            return;
        }
        note(std::move(confinement), pid);
        note_limits(proc);
        note_descriptors(pid, proc);
    }

    /// Tenants cannot make them differ, so there is hardly ever more than one.
    void note(json confinement, pid_t pid) {
        for (json& known : confinement_)
            if (known["as"] == confinement) {
                known["count"] = known["count"].get<std::uint64_t>() + 1;
                if (known["pids"].size() < kMaxNamed)
                    known["pids"].push_back(pid);
                return;
            }
        if (confinement_.size() == kMaxConfinements)
            more_ = true;
        else
            confinement_.push_back(
                {{"as", std::move(confinement)}, {"count", 1}, {"pids", json::array({pid})}});
    }

    void note_limits(const ProcDir& proc) {
        for (const std::string& line : lines_of(proc.read("limits"), 32)) {
            // "Max open files            4096                 4096                 files"
            constexpr std::size_t kTitle = 26, kSoft = 21;
            if (line.size() < kTitle + kSoft || !line.starts_with("Max "))
                continue;
            const std::string title = line.substr(0, line.find_last_not_of(' ', kTitle - 1) + 1);
            const std::string hard = one_spaced(line.substr(kTitle + kSoft, kSoft));
            json& highest = limits_[title];
            const auto known =
                highest.is_string() ? number_of(highest.get<std::string>()) : std::optional<std::uint64_t>(0);
            const auto value = number_of(hard);
            if (highest.is_null() || (known && (!value || *value > *known)))
                highest = hard;
        }
        const std::string score = proc.read("oom_score_adj");
        int number = 0;
        if (std::from_chars(score.data(), score.data() + score.size(), number).ec == std::errc{})
            lowest_score_ = std::min(lowest_score_.value_or(number), number);
    }

    void note_descriptors(pid_t pid, const ProcDir& proc) {
        for (const int number : numbered_entries(proc.fd(), "fd", kMaxDescriptors)) {
            if (descriptors_ == kMaxDescriptorsOfAll)
                return;
            ++descriptors_;
            // Those that sandbox-init was given: record, logs, its groups.
            if (pid == init_ && number < protocol::init::kEndFd)
                continue;
            const std::string name = std::to_string(number);
            const std::string target = proc.link("fd/" + name);
            if (is_foreign(proc, name, target) && leaks_.size() < kMaxNamed)
                leaks_.push_back({{"pid", pid}, {"fd", number}, {"target", target.substr(0, 256)}});
        }
    }

    bool is_foreign(const ProcDir& proc, const std::string& fd, const std::string& target) const {
        for (const char* kind : {"pipe:[", "socket:[", "anon_inode:", "/memfd:"})
            if (target.starts_with(kind))
                return false;
        if (target.empty())
            return false; // closed meanwhile
        if (!target.starts_with("/"))
            return true; // a namespace, say
        for (const std::string& line : lines_of(proc.read("fdinfo/" + fd), 16))
            if (line.starts_with("mnt_id:"))
                return !mounts_.contains(one_spaced(line.substr(7))) && !is_message_queue(proc, fd);
        return false;
    }

    /// Those of its own ipc namespace are on a mount that no mount namespace shows (mq_overview(7)).
    static bool is_message_queue(const ProcDir& proc, const std::string& fd) {
        const UniqueFd file(::openat(proc.fd(), ("fd/" + fd).c_str(), O_PATH | O_CLOEXEC));
        struct statfs status {};
        return file && ::fstatfs(file.get(), &status) == 0 && status.f_type == kMqueueMagic;
    }

    const Sandbox& sandbox_;
    const std::set<std::string>& mounts_;
    const pid_t init_;
    std::string pid_namespace_;
    std::uint64_t examined_ = 0, descriptors_ = 0;
    bool more_ = false;
    json processes_ = json::array(), confinement_ = json::array(), limits_ = json::object(),
         foreign_ = json::array(), outside_ = json::array(), leaks_ = json::array();
    std::optional<int> lowest_score_;
};

} // namespace

json process_facts(const Sandbox& sandbox, const std::set<std::string>& mounts) {
    Survey survey(sandbox, mounts);
    survey.look_at_group("init");
    survey.look_at_group("payload");
    survey.look_for_strays();
    return std::move(survey).facts();
}

} // namespace sandbox::launcher
