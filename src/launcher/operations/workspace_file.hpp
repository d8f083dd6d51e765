#pragma once

#include "launcher/sandbox/sandbox.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <cstdint>
#include <string>
#include <utility>

#include <sys/stat.h>

namespace sandbox::launcher {

struct SessionFile {
    UniqueFd fd; ///< for reading
    std::uint64_t size = 0;
    std::string tag;
};

inline constexpr std::size_t kMostListed = 4096;    ///< entries of a folder in one list; more follow
inline constexpr std::size_t kMostRead = 64 * 1024; ///< of a folder; of more, some are in no list

/// Opens a regular file below a session's /work with the session's own user and group, so that what the
/// tenant put there (links, FIFOs, `..`, swapped while this looks) leads neither out nor to what the session
/// could not read itself (openat2(2)). Never blocks. Throws Error: invalid_argument for a path that cannot be
/// one, not_found, denied for one that leads out, conflict for what is not a regular file.
SessionFile open_session_file(const Sandbox& sandbox, const std::string& path);

/// What is in a folder, behind the name `after`, as JSON in memory: {"entries": [{name, type, size,
/// modified_at}], "truncated", "next"}, in the order of the names' bytes. An entry whose name is not UTF-8
/// has it percent-encoded too, as `name_encoded`; `next`, which is encoded as well, is the `after` of what
/// follows. The same errors; conflict for what is not a folder.
SessionFile list_session_folder(const Sandbox& sandbox, const std::string& path, const std::string& after);

/// Removes a file; of a link, the link. Throws Error conflict, too, where the preconditions do not hold.
void remove_session_file(const Sandbox& sandbox, const std::string& path,
                         const protocol::Preconditions& only_if);

// For write_file.cpp and folder_list.cpp too.

/// The mount on /work, with the file system's own root. Throws Error gone where the sandbox has ended.
UniqueFd open_workspace(const Sandbox& sandbox);
/// openat2 that stays below `folder`, on its mount; -1 and errno.
UniqueFd open_beneath(int folder, const std::string& path, std::uint64_t flags, std::uint64_t mode = 0);
void check_session_path(const std::string& path);
/// What openat2 or its like said of a file of that name.
[[noreturn]] void refuse_session_file(int error_number, const std::string& name);
std::string file_tag(const struct stat& status);
/// Throws Error conflict where they do not hold of the path, whose folder is open. Whoever then changes it
/// here is alone in that: all of it happens in the launcher's one thread.
void check_preconditions(int workspace, const std::string& path, int folder,
                         const protocol::Preconditions& only_if);
/// Error conflict: If-None-Match.
[[noreturn]] void throw_is_there();
/// `/work/a of session …`
std::string session_file_name(const Sandbox& sandbox, const std::string& path);
/// Opens with the session's own rights; throws Error as open_session_file.
UniqueFd open_as_session(const Sandbox& sandbox, const std::string& path, std::uint64_t flags);
/// `a/b/c` to `a/b` and `c`; throws Error invalid_argument where the last part names no file.
std::pair<std::string, std::string> split_session_path(const std::string& path);

} // namespace sandbox::launcher
