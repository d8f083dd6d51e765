#include "ctl/policy/policy_source.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/working_folder.hpp"
#include "sandbox/policy/loaded_policy.hpp"

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <unistd.h>

namespace sandbox::ctl {
namespace fs = std::filesystem;

policy::Site settings_of(const std::string& config) {
    return fs::exists(config) ? policy::load_site(config, policy::Trust::any_owner) : policy::Site{};
}

CheckedFile check_file(const std::string& path, const policy::PolicyFolders& folders) {
    const fs::path file = absolute_path(path);
    const std::string folder = file.parent_path().filename().string();
    if (file.extension() == ".json") {
        policy::parse_seccomp_profile(read_file(path), path);
        return {"seccomp profile", {}};
    }
    if (file.filename() == "sandboxd.toml") {
        policy::load_site(path, policy::Trust::any_owner);
        return {"site settings", {}};
    }
    if (folder.starts_with("tenants")) {
        policy::load_tenant(file.parent_path().string(), file.stem().string(), policy::Trust::any_owner);
        return {"tenant", {}};
    }
    return {"policy", policy::load_policy_file(path, folders, policy::Trust::any_owner).policy.digest};
}

std::string find_program(const std::string& name) {
    std::error_code error;
    const fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
    std::vector<fs::path> places{here / name, here / "../sbin" / name, here / "../libexec" / name,
                                 here / "../launcher" / name};
    const char* path = std::getenv("PATH");
    std::istringstream folders(path != nullptr ? path : "");
    for (std::string folder; std::getline(folders, folder, ':');)
        if (folder.starts_with('/'))
            places.emplace_back(fs::path(folder) / name);
    std::string looked;
    for (const fs::path& place : places) {
        if (::access(place.c_str(), X_OK) == 0 && fs::is_regular_file(place, error))
            return place.lexically_normal().string();
        looked += (looked.empty() ? "" : ", ") + place.lexically_normal().string();
    }
    throw Error(Errc::not_found, "the program " + name + " is not at " + looked,
                "Install all programs of chimerax-sandbox, or put it on the PATH.");
}

void become_program(const std::string& path, const std::vector<std::string>& arguments) {
    std::vector<std::string> words{path};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execv(path.c_str(), argv.data());
    throw_errno("start " + path);
}

} // namespace sandbox::ctl
