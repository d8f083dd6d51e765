// sim memory, burn, fork, threads, disk, inodes: take more of something than there should be.
#include "standin/base/command.hpp"
#include "standin/base/text.hpp"
#include "standin/session/session.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace standin {
namespace {

Value outcome(std::string_view what, unsigned long long count, int error) {
    JsonObject object;
    object.number(what, static_cast<long long>(count));
    object.raw("error", error == 0 ? "null" : quote(::strerrorname_np(error)));
    return {object.str(), "null"};
}

// What `memory` has mapped and filled, for `recall`.
struct Filled {
    char* begin;
    std::uint64_t bytes;
};
std::vector<Filled> all_filled;

constexpr std::uint64_t kPage = 4096;

// Content of its own for each page: nothing merges, compresses or leaves out what is not zero.
void touch(void* memory, std::uint64_t bytes) {
    char* begin = static_cast<char*>(memory);
    for (std::uint64_t offset = 0; offset < bytes; offset += kPage)
        std::memcpy(begin + offset, &offset, sizeof offset);
    all_filled.push_back({begin, bytes});
}

Value recall(Session&, Words& words) {
    words.end();
    unsigned long long bytes = 0;
    for (const Filled& filled : all_filled)
        for (std::uint64_t offset = 0; offset < filled.bytes; offset += kPage)
            if (std::memcmp(filled.begin + offset, &offset, sizeof offset) == 0)
                bytes += kPage;
    return outcome("bytes", bytes, 0);
}

Value eat_mapping(std::uint64_t bytes, int fd, bool lock) {
    if (fd >= 0 && ::ftruncate(fd, static_cast<off_t>(bytes)) != 0)
        return outcome("bytes", 0, errno);
    const int flags = fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (memory == MAP_FAILED)
        return outcome("bytes", 0, errno);
    if (lock && ::mlock(memory, bytes) != 0)
        return outcome("bytes", 0, errno);
    touch(memory, bytes);
    return outcome("bytes", bytes, 0);
}

// By write(2), so that a full /dev/shm is ENOSPC and not SIGBUS.
Value fill_file(int fd, std::uint64_t bytes) {
    const std::string block(65536, 'x');
    std::uint64_t written = 0;
    while (written < bytes) {
        const ssize_t count =
            ::write(fd, block.data(), std::min<std::uint64_t>(block.size(), bytes - written));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return outcome("bytes", written, errno);
        written += static_cast<std::uint64_t>(count);
    }
    return outcome("bytes", written, 0);
}

// Fills what pairs of descriptors hold in the kernel, pair after pair, without blocking.
Value fill_buffers(std::uint64_t bytes, bool sockets) {
    const std::string block(65536, 'x');
    std::uint64_t written = 0;
    while (written < bytes) {
        std::array<int, 2> pair{};
        const int made = sockets ? ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data())
                                 : ::pipe2(pair.data(), O_NONBLOCK);
        if (made != 0)
            return outcome("bytes", written, errno);
        if (!sockets)
            ::fcntl(pair[1], F_SETPIPE_SZ, 1 << 20);
        for (;;) {
            const ssize_t count = ::write(pair[1], block.data(), block.size());
            if (count <= 0)
                break;
            written += static_cast<std::uint64_t>(count);
        }
    }
    return outcome("bytes", written, 0);
}

Value memory(Session&, Words& words) {
    const std::uint64_t bytes = words.take_bytes("size");
    const std::string kind = words.take_if_any().value_or("anon");
    words.end();
    if (kind == "anon" || kind == "mlock")
        return eat_mapping(bytes, -1, kind == "mlock");
    if (kind == "memfd") {
        const int fd = ::memfd_create("sim", 0);
        return fd < 0 ? outcome("bytes", 0, errno) : eat_mapping(bytes, fd, false);
    }
    if (kind == "shm") {
        const int fd = ::open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
        return fd < 0 ? outcome("bytes", 0, errno) : fill_file(fd, bytes);
    }
    if (kind == "pipe" || kind == "socket")
        return fill_buffers(bytes, kind == "socket");
    throw ParseError("Expected one of anon, memfd, shm, mlock, pipe, socket");
}

Value burn(Session&, Words& words) {
    const auto threads = words.take_number("threads", 4096);
    const double seconds = words.take_seconds("seconds");
    const bool wait = words.take_word("wait");
    words.end();
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    std::vector<std::thread> started;
    int error = 0;
    for (unsigned long long i = 0; i < threads && error == 0; ++i) {
        try {
            started.emplace_back([end] {
                std::atomic<unsigned> spins = 0;
                while (std::chrono::steady_clock::now() < end)
                    spins.fetch_add(1, std::memory_order_relaxed);
            });
        } catch (const std::system_error& failure) {
            error = failure.code().value();
        }
    }
    for (std::thread& thread : started)
        if (wait)
            thread.join();
        else
            thread.detach();
    return outcome("threads", started.size(), error);
}

[[noreturn]] void sleep_for_ever() {
    for (;;)
        ::pause();
}

// Children that fork on, until nothing can be forked any more. The parent tells how many it got itself.
Value fork_bomb() {
    constexpr unsigned long long kEnough = 50'000;
    unsigned long long children = 0;
    while (children < kEnough) {
        const pid_t child = ::fork();
        if (child < 0)
            return outcome("children", children, errno);
        if (child == 0) {
            while (::fork() >= 0) {
            }
            sleep_for_ever();
        }
        ++children;
    }
    return outcome("children", children, 0);
}

Value fork_some(Session&, Words& words) {
    if (words.take_word("bomb"))
        return fork_bomb();
    const auto wanted = words.take_number("count", 100'000);
    words.end();
    for (unsigned long long i = 0; i < wanted; ++i) {
        const pid_t child = ::fork();
        if (child < 0)
            return outcome("children", i, errno);
        if (child == 0)
            sleep_for_ever();
    }
    return outcome("children", wanted, 0);
}

Value threads(Session&, Words& words) {
    const auto wanted = words.take_number("count", 1'000'000);
    words.end();
    for (unsigned long long i = 0; i < wanted; ++i) {
        try {
            std::thread([] { sleep_for_ever(); }).detach();
        } catch (const std::system_error& failure) {
            return outcome("threads", i, failure.code().value());
        }
    }
    return outcome("threads", wanted, 0);
}

Value disk(Session&, Words& words) {
    const std::string path = words.take("path");
    const std::uint64_t bytes = words.take_bytes("bytes");
    words.end();
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return outcome("bytes", 0, errno);
    ::lseek(fd, 0, SEEK_END);
    const Value value = fill_file(fd, bytes);
    ::close(fd);
    return value;
}

Value inodes(Session&, Words& words) {
    const std::string folder = words.take("path");
    const auto wanted = words.take_number("count", 100'000'000);
    words.end();
    for (unsigned long long i = 0; i < wanted; ++i) {
        const std::string path = folder + "/sim-" + std::to_string(i);
        const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
            return outcome("files", i, errno);
        ::close(fd);
    }
    return outcome("files", wanted, 0);
}

} // namespace

void add_sim_load_verbs(CommandTable& table) {
    table["memory"] = memory;
    table["recall"] = recall;
    table["burn"] = burn;
    table["fork"] = fork_some;
    table["threads"] = threads;
    table["disk"] = disk;
    table["inodes"] = inodes;
}

} // namespace standin
