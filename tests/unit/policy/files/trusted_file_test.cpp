#include "policy/files/toml_document.hpp"
#include "policy/files/trusted_file.hpp"
#include "policy_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace sandbox;
using namespace sandbox::policy;
using namespace sandbox::policy::test;

namespace {

/// A folder below /run, which root alone can write: only root can make what is trusted. Others see the
/// refusals.
class RootFolder {
  public:
    RootFolder() {
        std::string pattern = "/run/policy_test.XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr)
            throw_errno("mkdtemp in /run");
        path_ = pattern;
        std::filesystem::create_directory(path_ + "/policies");
        write_file_atomically(file(), "text", 0644);
    }
    ~RootFolder() { std::filesystem::remove_all(path_); }
    RootFolder(const RootFolder&) = delete;
    RootFolder& operator=(const RootFolder&) = delete;
    const std::string& path() const { return path_; }
    std::string file() const { return path_ + "/policies/a.toml"; }

  private:
    std::string path_;
};

std::string read_root_owned(const std::string& path) {
    return read_trusted_file(path, Trust::root_owned_only);
}

Error refused(const std::string& path) {
    Error error = error_of([&] { read_root_owned(path); });
    CHECK(error.code() == Errc::denied);
    return error;
}

} // namespace

TEST_CASE("a file of root's below folders of root's is read") {
    CHECK_THAT(read_root_owned("/etc/passwd"), Catch::Contains("root:"));
}

TEST_CASE("a file below a sticky folder that all may write is refused") {
    const PolicyFolder folder;
    folder.write("a.toml", "");
    const Error error = refused(folder.path() + "/a.toml");
    CHECK_THAT(error.what(), Catch::Contains("/tmp can be written by everybody"));
    CHECK(error.cure() == "chmod go-w /tmp");
}

TEST_CASE("each part of the path that another could change is named with its cure") {
    if (::geteuid() != 0) {
        WARN("only root can make the files that are trusted: the refusals above were checked alone");
        return;
    }
    const RootFolder folder;
    const std::string policies = folder.path() + "/policies";
    CHECK(read_root_owned(folder.file()).size() == 4);

    ::chmod(folder.file().c_str(), 0664);
    CHECK(refused(folder.file()).full() ==
          folder.file() + ": the file can be written by its group, not by root alone\n  chmod go-w " +
              folder.file());
    ::chmod(folder.file().c_str(), 0646);
    CHECK_THAT(refused(folder.file()).what(), Catch::Contains("by everybody"));
    ::chmod(folder.file().c_str(), 0644);

    CHECK(::chown(folder.file().c_str(), 1234, 0) == 0);
    CHECK(refused(folder.file()).full() ==
          folder.file() + ": the file belongs to user 1234, not to root\n  chown root:root " + folder.file());
    CHECK(::chown(folder.file().c_str(), 0, 0) == 0);

    ::chmod(policies.c_str(), 01777);
    CHECK(refused(folder.file()).full() ==
          folder.file() + ": " + policies + " can be written by everybody, not by root alone\n  chmod go-w " +
              policies);
    ::chmod(policies.c_str(), 0755);
    CHECK(::chown(policies.c_str(), 1234, 0) == 0);
    CHECK(refused(folder.file()).cure() == "chown root:root " + policies);
    CHECK(::chown(policies.c_str(), 0, 0) == 0);
    CHECK(read_root_owned(folder.file()).size() == 4);
}

TEST_CASE("a symbolic link is refused, as the file and as a folder on the way") {
    if (::geteuid() != 0) {
        WARN("only root can make the links that are tried");
        return;
    }
    const RootFolder folder;
    std::filesystem::create_symlink("a.toml", folder.path() + "/policies/link.toml");
    std::filesystem::create_symlink("policies", folder.path() + "/link");
    CHECK_THAT(refused(folder.path() + "/policies/link.toml").what(),
               Catch::Contains("the file is a symbolic link"));
    CHECK_THAT(refused(folder.path() + "/link/a.toml").what(),
               Catch::Contains(folder.path() + "/link is a symbolic link"));
    CHECK(read_trusted_file(folder.path() + "/link/link.toml", Trust::any_owner) == "text");
}

TEST_CASE("a trusted load refuses a parent or a seccomp profile that another could write") {
    if (::geteuid() != 0) {
        WARN("only root can make the files that are trusted");
        return;
    }
    const RootFolder folder;
    const std::string dir = folder.path() + "/policies";
    std::filesystem::create_directory(dir + "/seccomp");
    write_file_atomically(dir + "/seccomp/chimerax.json", R"({"defaultAction": "SCMP_ACT_ERRNO"})", 0644);
    write_file_atomically(dir + "/base.toml", "", 0644);
    write_file_atomically(dir + "/child.toml", "extends = \"base\"", 0644);
    const auto load = [&] { load_policy({dir}, "child", Trust::root_owned_only); };
    CHECK_NOTHROW(load());
    ::chmod((dir + "/base.toml").c_str(), 0666);
    CHECK(error_of(load).code() == Errc::denied);
    ::chmod((dir + "/base.toml").c_str(), 0644);
    ::chmod((dir + "/seccomp/chimerax.json").c_str(), 0666);
    CHECK(error_of(load).code() == Errc::denied);
}

TEST_CASE("a path that is relative or has dot-dot parts is not trusted") {
    for (const char* path : {"etc/passwd", "/etc/../etc/passwd", "/etc/./passwd", "/", ""})
        CHECK(error_of([&] { read_root_owned(path); }).code() == Errc::invalid_argument);
}

TEST_CASE("what is not a regular file is refused and never opened, so that a FIFO blocks nobody") {
    const PolicyFolder folder;
    const std::string fifo = folder.path() + "/x.toml";
    REQUIRE(::mkfifo(fifo.c_str(), 0644) == 0);
    for (const std::string& path : {fifo, folder.path(), std::string("/dev/zero")})
        CHECK_THAT(error_of([&] { read_trusted_file(path, Trust::any_owner); }).what(),
                   Catch::Contains("is not a regular file"));
}

TEST_CASE("a file of more than 1 MiB is refused, one of 1 MiB is read") {
    const PolicyFolder folder;
    const std::string comment(kMaxFileSize, '#');
    CHECK_NOTHROW(folder.load_text(comment));
    const Error error = error_of([&] { folder.load_text(comment + "#"); });
    CHECK(error.code() == Errc::invalid_argument);
    CHECK(folder.without_path(error.what()) == "test.toml: is larger than 1048576 bytes");
}
