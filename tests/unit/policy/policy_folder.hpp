#pragma once

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/policy/loader.hpp"

#include <filesystem>
#include <functional>
#include <string>

#include <catch2/catch.hpp>

namespace sandbox::policy::test {

/// A folder of policies of a test's own, with a seccomp profile `chimerax` that allows nothing. A policy
/// needs no more than the defaults.
class PolicyFolder {
  public:
    PolicyFolder() {
        std::string pattern = std::filesystem::temp_directory_path() / "policy_test.XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr)
            throw_errno("mkdtemp");
        path_ = pattern;
        std::filesystem::create_directory(path_ + "/seccomp");
        write("seccomp/chimerax.json", R"({"defaultAction": "SCMP_ACT_ERRNO"})");
    }
    ~PolicyFolder() { std::filesystem::remove_all(path_); }
    PolicyFolder(const PolicyFolder&) = delete;
    PolicyFolder& operator=(const PolicyFolder&) = delete;

    const std::string& path() const { return path_; }
    void write(const std::string& name, const std::string& text) const {
        write_file_atomically(path_ + "/" + name, text, 0644);
    }
    Policy load(const std::string& name) const { return load_policy({path_}, name, Trust::any_owner); }
    Policy load_text(const std::string& text) const {
        write("test.toml", text);
        return load("test");
    }
    /// An error's text without the folder's own name.
    std::string without_path(std::string text) const {
        for (std::size_t at = text.find(path_ + "/"); at != std::string::npos; at = text.find(path_ + "/"))
            text.erase(at, path_.size() + 1);
        return text;
    }

  private:
    std::string path_;
};

/// What the call throws; a test failure where it throws nothing.
inline Error error_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error;
    }
    FAIL("no error was thrown");
    return {Errc::internal, ""};
}

} // namespace sandbox::policy::test
