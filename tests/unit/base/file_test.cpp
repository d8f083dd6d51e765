#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

#include <filesystem>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>

using namespace sandbox;

namespace {

struct TemporaryFolder {
    TemporaryFolder() {
        std::string pattern = std::filesystem::temp_directory_path() / "file_test.XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr)
            throw_errno("mkdtemp");
        path = pattern;
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path); }
    std::string path;
};

} // namespace

TEST_CASE("a file is replaced whole, with the mode asked for, and nothing is left beside it") {
    const TemporaryFolder folder;
    const std::string path = folder.path + "/state.json";
    const mode_t umask_before = ::umask(0077);
    write_file_atomically(path, "one", 0644);
    write_file_atomically(path, "two", 0644);
    ::umask(umask_before);
    CHECK(read_file(path) == "two");
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0644);
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);
}

TEST_CASE("a file over the limit is refused, one at the limit is read") {
    const TemporaryFolder folder;
    const std::string path = folder.path + "/x";
    write_file_atomically(path, std::string(100, 'a'), 0600);
    CHECK(read_file(path, 100).size() == 100);
    CHECK_THROWS_AS(read_file(path, 99), Error);
}

TEST_CASE("a missing file's error names it") {
    CHECK_THROWS_WITH(read_file("/nonexistent/x"), Catch::Contains("/nonexistent/x"));
}

TEST_CASE("every descriptor is closed on exec") {
    const UniqueFd fd = open_fd("/dev/null", O_RDONLY);
    CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
}
