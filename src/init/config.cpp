#include "init/config.hpp"

#include "sandbox/protocol/init_config.hpp"

#include <cstdlib>
#include <cstring>

#include <unistd.h>

namespace sandbox::init {
namespace {

namespace wire = protocol::init;

char text[wire::kMaxConfig + 1];
char* pointers[wire::kMaxStrings + 2];

/// Takes one string after the other off the text.
class Strings {
  public:
    Strings(char* begin, char* end) : next_(begin), end_(end) {}
    char* take() {
        if (next_ == end_)
            return nullptr;
        char* string = next_;
        next_ += std::strlen(string) + 1;
        return string;
    }
    bool take_number(std::uint64_t& number) {
        const char* string = take();
        if (string == nullptr || *string < '0' || *string > '9')
            return false;
        char* rest = nullptr;
        number = std::strtoull(string, &rest, 10);
        return *rest == '\0';
    }

  private:
    char* next_;
    char* end_;
};

bool take_array(Strings& strings, char**& place, char* const*& array) {
    std::uint64_t count = 0;
    if (!strings.take_number(count) || count > wire::kMaxStrings ||
        place + count + 1 > pointers + wire::kMaxStrings + 2)
        return false;
    array = place;
    for (; count > 0; --count)
        if ((*place++ = strings.take()) == nullptr)
            return false;
    *place++ = nullptr;
    return true;
}

} // namespace

bool read_config(int fd, Config& config) {
    std::size_t size = 0;
    while (size < sizeof text) {
        const ssize_t count = ::read(fd, text + size, sizeof text - size);
        if (count < 0)
            return false;
        if (count == 0)
            break;
        size += static_cast<std::size_t>(count);
    }
    if (size == 0 || size > wire::kMaxConfig || text[size - 1] != '\0')
        return false;
    Strings strings(text, text + size);
    char** place = pointers;
    const char* version = strings.take();
    return std::strcmp(version, wire::kConfigVersion) == 0 && strings.take_number(config.segment_bytes) &&
           config.segment_bytes > 0 && (config.cwd = strings.take()) != nullptr &&
           take_array(strings, place, config.argv) && config.argv[0] != nullptr &&
           take_array(strings, place, config.env) && strings.take() == nullptr;
}

} // namespace sandbox::init
