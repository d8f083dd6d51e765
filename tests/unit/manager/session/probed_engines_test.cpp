#include "manager/session/probed_engines.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;

TEST_CASE("the version is what stands behind the colon of the command's note") {
    CHECK(version_of_note("UCSF ChimeraX version: 1.11 (2025-12-16)\n") == "1.11 (2025-12-16)");
    CHECK(version_of_note("UCSF ChimeraX version: 1.12.dev202601311040 (2026-01-31)\n\u00a9 Regents") ==
          "1.12.dev202601311040 (2026-01-31)");
    CHECK_FALSE(version_of_note("\u00a9 2016-2026 Regents").has_value());
    CHECK_FALSE(version_of_note("version:").has_value());
    CHECK_FALSE(version_of_note("version: \n").has_value());
    CHECK(version_of_note("version: " + std::string(100'000, 'x'))->size() == 200);
}

TEST_CASE("an engine is looked at once, and again only some time after a failure") {
    const ProbedEngines::Key key{"/usr/bin/ChimeraX", "digest"};
    ProbedEngines patient(std::chrono::hours(1));
    CHECK(patient.should_look(key));
    patient.looking(key);
    CHECK_FALSE(patient.should_look(key));
    CHECK_FALSE(patient.find(key).has_value());
    patient.failed(key);
    CHECK_FALSE(patient.should_look(key));

    ProbedEngines impatient(Duration(0));
    impatient.looking(key);
    impatient.failed(key);
    CHECK(impatient.should_look(key));
    impatient.found(key, {"1.11", true});
    CHECK_FALSE(impatient.should_look(key));
    REQUIRE(impatient.find(key).has_value());
    CHECK(impatient.find(key)->version == "1.11");
    CHECK(impatient.find(key)->renders);
    CHECK(impatient.should_look({"/usr/bin/ChimeraX", "another policy"}));
}
