#pragma once

namespace standin {

/// It parses as ChimeraX's own, and says what this is.
inline constexpr const char* kVersion = "1.12.standin (2026-01-31)";
inline constexpr const char* kVersionNumber = "1.12"; ///< in the names of folders
inline constexpr const char* kWhatThisIs =
    "chimerax-standin: this is the stand-in of chimerax-sandbox for tests, not UCSF ChimeraX.";

} // namespace standin
