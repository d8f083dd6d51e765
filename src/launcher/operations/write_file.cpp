#include "launcher/operations/write_file.hpp"

#include "launcher/helpers/act_as.hpp"
#include "launcher/helpers/helper_process.hpp"
#include "launcher/operations/workspace_file.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/kernel/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sandbox::launcher {
namespace {

/// The child's second and last word; the first one are the descriptors of the folder and of the file.
struct Verdict {
    int error_number = 0;
};

constexpr std::string_view kOpened = "opened";

void check(int result) {
    if (result < 0)
        throw_errno("put_file");
}

/// The folder of the file; those that are missing on the way are made.
UniqueFd open_parent(int workspace, const std::string& folder) {
    if (folder.empty())
        return UniqueFd(::fcntl(workspace, F_DUPFD_CLOEXEC, 0));
    UniqueFd parent = open_beneath(workspace, folder, O_PATH | O_DIRECTORY);
    if (!parent && errno == ENOENT) {
        const std::size_t slash = folder.rfind('/');
        const UniqueFd above =
            open_parent(workspace, slash == std::string::npos ? "" : folder.substr(0, slash));
        const std::string base = slash == std::string::npos ? folder : folder.substr(slash + 1);
        if (::mkdirat(above.get(), base.c_str(), 0755) != 0 && errno != EEXIST)
            throw_errno("mkdirat");
        parent = open_beneath(workspace, folder, O_PATH | O_DIRECTORY);
    }
    if (!parent)
        throw_errno("openat2");
    return parent;
}

void copy(int from, int to, std::uint64_t size) {
    std::array<char, 64 * 1024> piece{};
    for (std::uint64_t done = 0; done < size;) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), size - done));
        const ssize_t got = ::pread(from, piece.data(), wanted, static_cast<off_t>(done));
        check(static_cast<int>(got));
        if (got == 0) {
            errno = EIO; // shorter than was said
            check(-1);
        }
        for (ssize_t sent = 0; sent < got;) {
            const ssize_t count = ::write(to, piece.data() + sent, static_cast<std::size_t>(got - sent));
            check(static_cast<int>(count));
            sent += count;
        }
        done += static_cast<std::uint64_t>(got);
    }
}

void write_file(const protocol::PutFile& request, int workspace, int source, int status) {
    const UniqueFd parent = open_parent(workspace, split_session_path(request.path).first);
    // Without a name there is nothing of it that could be swapped, or that stays when this is killed.
    const UniqueFd file = open_beneath(parent.get(), ".", O_TMPFILE | O_WRONLY, 0644);
    if (!file)
        throw_errno("O_TMPFILE");
    protocol::send_packet(status, kOpened, std::array{parent.get(), file.get()});
    copy(source, file.get(), request.size);
}

[[noreturn]] void run_writer(const protocol::PutFile& request, std::uint32_t uid, int workspace, int source,
                             int status) {
    Verdict verdict;
    try {
        ::prctl(PR_SET_NAME, "sandbox-put");
        write_all(open_fd("/proc/self/oom_score_adj", O_WRONLY).get(), "1000", "oom_score_adj");
        close_all_but({workspace, source, status});
        drop_privileges_to(uid, uid);
        check(::prctl(PR_SET_PDEATHSIG, SIGKILL)); // after it: a changed uid clears it
        write_file(request, workspace, source, status);
    } catch (const std::exception&) {
        verdict.error_number = errno != 0 ? errno : EIO;
    }
    [[maybe_unused]] const ssize_t sent = ::send(status, &verdict, sizeof verdict, MSG_NOSIGNAL);
    ::_exit(0);
}

} // namespace

FileWriter::FileWriter(const Sandbox& sandbox, protocol::PutFile request, UniqueFd source)
    : request_(std::move(request)),
      name_(session_file_name(sandbox, request_.path)),
      uid_(sandbox.facts.uid),
      pause_(BootClock::now() + protocol::kPutPause),
      end_(BootClock::now() + protocol::longest_put(request_.size)) {
    split_session_path(request_.path);
    struct stat status {};
    // Anything else could hold the child up for as long as somebody likes.
    if (!source || ::fstat(source.get(), &status) != 0 || !S_ISREG(status.st_mode))
        throw Error(Errc::invalid_argument, "put_file comes without a regular file");
    workspace_ = open_workspace(sandbox);
    const kernel::CgroupDir group = sandbox.cgroup.open_child("init");
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw_errno("socketpair");
    status_ = UniqueFd(ends[0]);
    const UniqueFd childs(ends[1]);
    kernel::CloneResult child = kernel::clone_process(0, group.fd());
    if (child.pid == 0)
        run_writer(request_, uid_, workspace_.get(), source.get(), childs.get());
    child_ = ScopedChild(child.pid, std::move(child.pidfd));
    ::fcntl(status_.get(), F_SETFL, O_NONBLOCK);
}

std::optional<protocol::Stored> FileWriter::advance() {
    for (;;) {
        bool would_block = false;
        protocol::Received said = protocol::receive_packet(status_.get(), &would_block);
        if (would_block) {
            check_progress();
            return std::nullopt;
        }
        if (auto stored = take(std::move(said)))
            return stored;
    }
}

void FileWriter::check_progress() {
    const BootClock::time_point now = BootClock::now();
    if (now < deadline())
        return;
    struct stat status {};
    const bool has_more =
        file_ && ::fstat(file_.get(), &status) == 0 && static_cast<std::uint64_t>(status.st_size) > seen_;
    if (!has_more || now >= end_)
        throw Error(Errc::timed_out, name_ + " was not written in time",
                    "A frozen session, or one without CPU time, cannot take a file.");
    seen_ = static_cast<std::uint64_t>(status.st_size);
    pause_ = now + protocol::kPutPause;
}

std::optional<protocol::Stored> FileWriter::take(protocol::Received said) {
    if (said.text == kOpened && said.descriptors.size() == 2 && !file_) {
        parent_ = std::move(said.descriptors[0]);
        file_ = std::move(said.descriptors[1]);
        return std::nullopt;
    }
    Verdict verdict;
    if (said.text.size() != sizeof verdict)
        throw Error(Errc::too_large, "the session has not the memory for " + name_ + ", or has ended",
                    "Send a smaller file, or use a policy with more memory.", "body");
    std::memcpy(&verdict, said.text.data(), sizeof verdict);
    if (verdict.error_number == 0 && !file_)
        verdict.error_number = EIO;
    if (verdict.error_number != 0)
        refuse_session_file(verdict.error_number, name_);
    return give_name();
}

protocol::Stored FileWriter::give_name() {
    const std::string base = split_session_path(request_.path).second;
    const std::string itself = "/proc/self/fd/" + std::to_string(file_.get());
    const auto link_as = [&](const std::string& name) {
        return ::linkat(AT_FDCWD, itself.c_str(), parent_.get(), name.c_str(), AT_SYMLINK_FOLLOW) == 0;
    };
    const ActAs tenant(uid_);
    check_preconditions(workspace_.get(), request_.path, parent_.get(), request_.only_if);
    const bool created = link_as(base);
    if (!created && (errno != EEXIST))
        refuse_session_file(errno, name_);
    if (!created && request_.only_if.if_none_match == std::vector<std::string>{"*"})
        throw_is_there(); // the session made it in this moment
    if (!created) {
        const std::string name = ".put-" + new_session_id();
        if (!link_as(name))
            refuse_session_file(errno, name_);
        if (::renameat(parent_.get(), name.c_str(), parent_.get(), base.c_str()) != 0) {
            const int number = errno;
            ::unlinkat(parent_.get(), name.c_str(), 0);
            refuse_session_file(number, name_);
        }
    }
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0)
        throw_errno("cannot look at " + name_);
    return {created, file_tag(status)};
}

} // namespace sandbox::launcher
