#include "standin/base/descriptors.hpp"

#include "standin/base/text.hpp"

#include <cstdlib>
#include <memory>

#include <dirent.h>
#include <unistd.h>

namespace standin {

std::string descriptors_above_2() {
    JsonObject object;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), &::closedir);
    while (folder) {
        const dirent* entry = ::readdir(folder.get());
        if (entry == nullptr)
            break;
        const int fd = std::atoi(entry->d_name); // 0 for . and ..
        if (fd <= 2 || fd == ::dirfd(folder.get()))
            continue;
        std::string target(4096, '\0');
        const ssize_t length =
            ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target.data(), target.size());
        target.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
        object.text(std::to_string(fd), target);
    }
    return object.str();
}

} // namespace standin
