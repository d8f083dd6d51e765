#include "ctl/terminal/output_file.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

#include <array>
#include <csignal>
#include <filesystem>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace sandbox;
using ctl::OutputFile;
namespace fs = std::filesystem;

namespace {

struct Folder {
    Folder() {
        std::string name = (fs::temp_directory_path() / "output-test-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(path); }
    std::string operator/(const std::string& name) const { return (path / name).string(); }
    std::ptrdiff_t entries() const { return std::distance(fs::directory_iterator(path), {}); }
    fs::path path;
};

void put(const std::string& path, std::string_view text) {
    OutputFile file(path);
    file.write(text);
    file.keep();
}

struct stat status_of(const std::string& path) {
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status;
}

mode_t mode_of(const std::string& path) {
    return status_of(path).st_mode & 07777;
}

} // namespace

TEST_CASE("a new file has the umask's mode, and is there only once all of it is") {
    const Folder folder;
    const mode_t before = ::umask(027);
    {
        OutputFile file(folder / "new");
        file.write("half");
        CHECK_FALSE(fs::exists(folder / "new"));
    }
    CHECK(folder.entries() == 0);
    put(folder / "new", "whole");
    write_file_atomically(folder / "open", "old", 0666);
    for (const char* name : {"secret", "open"}) {
        OutputFile secret(folder / name, true);
        secret.keep();
    }
    ::umask(before);
    CHECK(read_file(folder / "new") == "whole");
    CHECK(mode_of(folder / "new") == 0640);
    CHECK(mode_of(folder / "secret") == 0600);
    CHECK(mode_of(folder / "open") == 0600);
    CHECK(folder.entries() == 3);
}

TEST_CASE("a file that is replaced keeps its owner, group and mode, but no set-user-ID bit") {
    const Folder folder;
    write_file_atomically(folder / "old", "old", 0600);
    if (::geteuid() == 0)
        REQUIRE(::chown((folder / "old").c_str(), 1, 2) == 0);
    REQUIRE(::chmod((folder / "old").c_str(), 04751) == 0);
    const struct stat before = status_of(folder / "old");
    put(folder / "old", "new");
    CHECK(read_file(folder / "old") == "new");
    CHECK(mode_of(folder / "old") == 0751);
    CHECK(status_of(folder / "old").st_uid == before.st_uid);
    CHECK(status_of(folder / "old").st_gid == before.st_gid);
    CHECK(status_of(folder / "old").st_ino != before.st_ino);
    CHECK(folder.entries() == 1);
}

TEST_CASE("links are followed, also to what is not there yet; they stay links") {
    const Folder folder;
    fs::create_directory(folder / "d");
    write_file_atomically(folder / "d/real", "old", 0600);
    fs::create_symlink("d/real", folder / "to-file");
    fs::create_symlink(folder / "to-file", folder / "to-link");
    fs::create_symlink("d/later", folder / "dangling");
    put(folder / "to-link", "new");
    put(folder / "dangling", "made");
    CHECK(fs::is_symlink(folder / "to-file"));
    CHECK(fs::is_symlink(folder / "dangling"));
    CHECK(read_file(folder / "d/real") == "new");
    CHECK(read_file(folder / "d/later") == "made");
    fs::create_symlink("loop", folder / "loop");
    CHECK_THROWS_AS(OutputFile(folder / "loop"), Error);
}

TEST_CASE("the other names of a file have its new content too") {
    const Folder folder;
    write_file_atomically(folder / "one", "a longer old content", 0600);
    fs::create_hard_link(folder / "one", folder / "two");
    put(folder / "one", "new");
    CHECK(read_file(folder / "two") == "new");
    CHECK(status_of(folder / "one").st_ino == status_of(folder / "two").st_ino);
}

TEST_CASE("what is not a regular file is written into, and stays what it is") {
    const Folder folder;
    put("/dev/null", "nothing");
    CHECK(S_ISCHR(status_of("/dev/null").st_mode));
    const std::string fifo = folder / "fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    fs::create_symlink("fifo", folder / "link");
    const UniqueFd reader = open_fd(fifo, O_RDONLY | O_NONBLOCK);
    put(folder / "link", "piped");
    std::array<char, 16> got{};
    CHECK(::read(reader.get(), got.data(), got.size()) == 5);
    CHECK(S_ISFIFO(status_of(fifo).st_mode));
}

TEST_CASE("a descriptor of this process is written into where it stands") {
    const Folder folder;
    const UniqueFd file = open_fd(folder / "log", O_WRONLY | O_CREAT, 0600);
    write_all(file.get(), "head\n", "log");
    const std::string number = std::to_string(file.get());
    put("/dev/fd/" + number, "one\n");
    put("/proc/self/fd/" + number, "two\n");
    fs::create_symlink("/dev/fd/" + number, folder / "link");
    put(folder / "link", "three\n");
    CHECK(read_file(folder / "log") == "head\none\ntwo\nthree\n");
    CHECK_THROWS_AS(OutputFile("/dev/fd/9999"), Error);
}

TEST_CASE("a name of 255 bytes is one") {
    const Folder folder;
    const std::string name(255, 'n');
    put(folder / name, "content");
    put(folder / name, "again");
    CHECK(read_file(folder / name) == "again");
    CHECK_THROWS_AS(put(folder / (name + "n"), "x"), Error);
}

TEST_CASE("what cannot be written to the end is an error, and the old file stays") {
    const Folder folder;
    write_file_atomically(folder / "old", "old", 0600);
    OutputFile full("/dev/full");
    CHECK_THROWS_WITH(full.write("x"), Catch::Contains("/dev/full") && Catch::Contains("No space left"));
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const auto handler = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{10, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    {
        OutputFile file(folder / "old");
        CHECK_THROWS_AS(file.write(std::string(100, 'x')), Error);
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, handler);
    CHECK(read_file(folder / "old") == "old");
    CHECK(folder.entries() == 1);
    for (const std::string& none : {folder.path.string(), folder / "", folder / "none/x", folder / "old/x"})
        CHECK_THROWS_AS(OutputFile(none), Error);
    for (const std::string& none : {folder.path.string(), folder / "none/x", folder / "old/x"})
        CHECK_THROWS_AS(OutputFile::check(none), Error);
    CHECK_NOTHROW(OutputFile::check(folder / "new"));
    CHECK_FALSE(fs::exists(folder / "new"));
}
