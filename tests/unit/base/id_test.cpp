#include "sandbox/base/id.hpp"

#include <set>

#include <catch2/catch.hpp>

using namespace sandbox;

TEST_CASE("a session id is recognised, distinct, and starts with a letter") {
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        const std::string id = new_session_id();
        CHECK(is_session_id(id));
        CHECK(seen.insert(id).second);
    }
}

TEST_CASE("nothing else is taken for a session id") {
    using namespace std::string_literals;
    for (const std::string& text :
         {""s, "../x"s, "abcdefghijklmno"s, "abcdefghijklmnopq"s, "2bcdefghijklmnop"s, "abcdefgh/jklmnop"s,
          "ABCDEFGHIJKLMNOP"s, "abcdefgh\0jklmnop"s, "abcdefghijklmn01"s, std::string(4096, 'a')}) {
        INFO(text);
        CHECK_FALSE(is_session_id(text));
    }
}

TEST_CASE("tenant names cannot mean hierarchy in a slice, nor leave their folder") {
    for (const char* name : {"a", "acme", "acme_2", "0", "abcdefghijklmnopqrstuvwxyz012345"})
        CHECK(is_tenant_name(name));
    for (const char* name : {"", "a-b", "a.b", "a/b", "..", "A", "é", "abcdefghijklmnopqrstuvwxyz0123456"})
        CHECK_FALSE(is_tenant_name(name));
}

TEST_CASE("policy names are plain file names") {
    for (const char* name : {"default", "strict", "big-memory", "v1_2"})
        CHECK(is_policy_name(name));
    for (const char* name : {"", "-x", "_x", ".x", "a.b", "a/b", "..", "A"})
        CHECK_FALSE(is_policy_name(name));
}

TEST_CASE("tokens are long, distinct and safe in a header") {
    const std::string token = new_token();
    CHECK(token.size() == 43);
    CHECK(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
          std::string::npos);
    CHECK(token != new_token());
}

TEST_CASE("a derived token is the same for the same secret and name alone, and looks like any token") {
    const std::string token = derived_token("secret", "abc");
    CHECK(token.size() == new_token().size());
    CHECK(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
          std::string::npos);
    CHECK(derived_token("secret", "abc") == token);
    CHECK(derived_token("secret", "abd") != token);
    CHECK(derived_token("Secret", "abc") != token);
    // RFC 4231, test case 2.
    CHECK(derived_token("Jefe", "what do ya want for nothing?") ==
          "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM");
}

TEST_CASE("hashes are SHA-256 and compare as texts do") {
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    // RFC 4231, test case 2.
    CHECK(hmac_sha256_hex("Jefe", "what do ya want for nothing?") ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(equal_constant_time("abc", "abc"));
    CHECK_FALSE(equal_constant_time("abc", "abd"));
    CHECK_FALSE(equal_constant_time("abc", "abcd"));
    CHECK(equal_constant_time("", ""));
}
