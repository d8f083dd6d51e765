// Precompiled for the unit tests.
#include <catch2/catch.hpp>
