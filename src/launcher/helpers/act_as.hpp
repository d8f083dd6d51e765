#pragma once

#include <cstdint>

namespace sandbox::launcher {

/// This thread works on files as somebody else. With another fsuid than 0, the kernel also takes the
/// capabilities over files out of the effective set, until it is 0 again (capabilities(7)).
class ActAs {
  public:
    /// Takes that uid and gid. Throws Error internal where the kernel does not let it.
    explicit ActAs(std::uint32_t id);
    ~ActAs();
    ActAs(const ActAs&) = delete;
    ActAs& operator=(const ActAs&) = delete;
};

} // namespace sandbox::launcher
