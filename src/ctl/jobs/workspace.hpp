#pragma once

#include "ctl/http/api_client.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::ctl {

/// Told of each piece of a file that is copied: so many bytes of the whole, 0 where that is not known.
using OnBytes = std::function<void(std::uint64_t done, std::uint64_t whole)>;

/// A path in a session's workspace as the API takes it, from one below /work or relative to it; empty for
/// /work itself. Throws Error invalid_argument naming `field`.
std::string workspace_path(std::string_view text, const char* field);

/// The files of one session's workspace. All throw Error.
class Workspace {
  public:
    /// `session` is a whole id.
    Workspace(const ApiClient& api, std::string session) : api_(api), session_(std::move(session)) {}

    void download(const std::string& path, const std::function<void(std::string_view)>& on_piece) const;
    /// Into a local file; says how many bytes it has.
    std::uint64_t download_to(const std::string& path, const std::string& local,
                              const OnBytes& on_bytes) const;
    /// A local file, which `path` is afterwards; folders above are made.
    void upload(const std::string& local, const std::string& path, const OnBytes& on_bytes) const;
    /// The same of what can be read, up to its end.
    void upload_from(int fd, const std::string& path, const OnBytes& on_bytes) const;
    void make_folder(const std::string& path) const;
    bool is_folder(const std::string& path) const;

    struct Entry {
        std::string name; ///< any bytes but / and NUL
        std::string type; ///< file, folder, link, other
    };
    /// Of a folder. Throws Error too_large for one with more entries than the API tells of.
    std::vector<Entry> list(const std::string& folder) const;

  private:
    std::string target(const std::string& path) const;

    const ApiClient& api_;
    std::string session_;
};

} // namespace sandbox::ctl
