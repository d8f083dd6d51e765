#include "sandbox/launcher/file_writing.hpp"

#include "errand.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/launcher/session_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sandbox::launcher {
namespace {

using namespace std::chrono_literals;

constexpr Duration kWriteTime = 60s;

/// What the child says at its end, in one write to a pipe.
struct Verdict {
    int error_number = 0;
    bool replaced_another = false; ///< the old file does not have the tag that was asked for
    bool created = false;
    char tag[96] = {};
};

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

void write_file(const protocol::PutFile& request, int workspace, int source, Verdict& verdict) {
    const auto [folder, base] = split_session_path(request.path);
    const UniqueFd parent = open_parent(workspace, folder);
    // Without a name there is nothing of it that could be swapped, or that stays when this is killed.
    const UniqueFd file = open_beneath(parent.get(), ".", O_TMPFILE | O_WRONLY, 0644);
    if (!file)
        throw_errno("O_TMPFILE");
    copy(source, file.get(), request.size);
    const std::string itself = "/proc/self/fd/" + std::to_string(file.get());
    const std::string name = ".put-" + new_session_id();
    check(::linkat(AT_FDCWD, itself.c_str(), parent.get(), name.c_str(), AT_SYMLINK_FOLLOW));
    try {
        try {
            check_replaced(parent.get(), base, request.replaces);
        } catch (const Error&) {
            verdict.replaced_another = true;
            throw;
        }
        struct stat status {};
        verdict.created = ::fstatat(parent.get(), base.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0;
        check(::renameat(parent.get(), name.c_str(), parent.get(), base.c_str()));
        check(::fstat(file.get(), &status));
        file_tag(status).copy(verdict.tag, sizeof verdict.tag - 1);
    } catch (...) {
        const int number = errno;
        ::unlinkat(parent.get(), name.c_str(), 0);
        errno = number;
        throw;
    }
}

[[noreturn]] void run_writer(const protocol::PutFile& request, std::uint32_t uid, int workspace, int source,
                             int status) {
    Verdict verdict;
    try {
        ::prctl(PR_SET_NAME, "sandbox-put");
        write_all(open_fd("/proc/self/oom_score_adj", O_WRONLY).get(), "1000", "oom_score_adj");
        close_all_but({workspace, source, status});
        become(uid, uid);
        check(::prctl(PR_SET_PDEATHSIG, SIGKILL)); // after it: a changed uid clears it
        write_file(request, workspace, source, verdict);
    } catch (const std::exception&) {
        verdict.error_number = errno != 0 ? errno : EIO;
    }
    [[maybe_unused]] const ssize_t sent = ::write(status, &verdict, sizeof verdict);
    ::_exit(0);
}

} // namespace

FileWriting::FileWriting(const Sandbox& sandbox, protocol::PutFile request, UniqueFd source)
    : request_(std::move(request)),
      deadline_(BootClock::now() + kWriteTime) {
    split_session_path(request_.path);
    struct stat status {};
    // Anything else could hold the child up for as long as somebody likes.
    if (!source || ::fstat(source.get(), &status) != 0 || !S_ISREG(status.st_mode))
        throw Error(Errc::invalid_argument, "put_file comes without a regular file");
    const UniqueFd workspace = open_workspace(sandbox);
    const kernel::CgroupDir group = sandbox.cgroup.open_child("init");
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw_errno("pipe");
    status_ = UniqueFd(ends[0]);
    const UniqueFd childs(ends[1]);
    kernel::CloneResult child = kernel::clone_process(0, group.fd());
    if (child.pid == 0)
        run_writer(request_, sandbox.facts.uid, workspace.get(), source.get(), childs.get());
    child_ = ScopedChild(child.pid, std::move(child.pidfd));
    ::fcntl(status_.get(), F_SETFL, O_NONBLOCK);
}

std::optional<protocol::Stored> FileWriting::advance() {
    Verdict verdict;
    const ssize_t got = ::read(status_.get(), &verdict, sizeof verdict);
    const std::string name = "/work/" + request_.path + " of session " + request_.session;
    if (got < 0) {
        if (BootClock::now() < deadline_)
            return std::nullopt;
        throw Error(Errc::timed_out, name + " was not written in time",
                    "A frozen session, or one without CPU time, cannot take a file.");
    }
    if (got != sizeof verdict)
        throw Error(Errc::too_large, "the session has not the memory for " + name + ", or has ended",
                    "Send a smaller file, or use a policy with more memory.", "body");
    if (verdict.replaced_another)
        throw Error(Errc::conflict, "the file has changed, or is not there", "Look at it again.", "If-Match");
    if (verdict.error_number != 0)
        refuse_session_file(verdict.error_number, name);
    verdict.tag[sizeof verdict.tag - 1] = '\0';
    return protocol::Stored{verdict.created, verdict.tag};
}

} // namespace sandbox::launcher
