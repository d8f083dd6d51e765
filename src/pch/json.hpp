// Precompiled for modules that read and write JSON. A source file still includes what it uses: clang-tidy
// looks at it without this.
#include <nlohmann/json.hpp>
