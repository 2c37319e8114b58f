# How everything of VRep is compiled: language, warnings, hardening, sanitizers. One interface target,
# vrep_options, carries it, so that nothing third-party is touched by it.

set(VREP_PRESET "${VREP_PRESET}" CACHE STRING "The preset's name, told to the tests")
set(VREP_SANITIZE "" CACHE STRING "Sanitizers, as in -fsanitize=")
option(VREP_LIBFUZZER "Build tests/fuzz as libFuzzer programs (clang)" OFF)
option(VREP_FAULT_POINTS "Compile in the places where a test may kill the service (service/replicate/fault_point.h)" OFF)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)
# Asserts stay in every build: a disk library that goes on after a broken invariant loses data.
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")

add_library(vrep_options INTERFACE)
target_include_directories(vrep_options INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_definitions(vrep_options INTERFACE
    VREP_VERSION_MAJOR=${PROJECT_VERSION_MAJOR}
    VREP_VERSION_MINOR=${PROJECT_VERSION_MINOR}
    VREP_VERSION_PATCH=${PROJECT_VERSION_PATCH}
    VREP_VERSION="${PROJECT_VERSION}")
target_compile_options(vrep_options INTERFACE
    -Wall -Wextra -Werror
    -Wconversion -Wno-sign-conversion
    -Wstrict-prototypes -Wold-style-definition -Wmissing-prototypes
    -Wimplicit-fallthrough -Wshadow -Wformat=2 -Wundef -Wvla
    -fstack-protector-strong)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # Messages are cut to their buffers on purpose; and gcc cannot know that a recorded failure is never STATUS_OK,
    # clang-tidy can (scripts/lib/tidy.h) and looks for uninitialized values instead.
    target_compile_options(vrep_options INTERFACE -Wno-format-truncation -Wno-maybe-uninitialized)
endif()

if(WIN32)
    target_compile_definitions(vrep_options INTERFACE
        UNICODE _UNICODE WIN32_LEAN_AND_MEAN _WIN32_WINNT=0x0A00
        __USE_MINGW_ANSI_STDIO=1)
    # The stack protector's own library comes only when the linker is told too.
    target_link_options(vrep_options INTERFACE -fstack-protector-strong
        -Wl,--dynamicbase -Wl,--nxcompat -Wl,--high-entropy-va)
else()
    target_compile_definitions(vrep_options INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64)
    target_compile_options(vrep_options INTERFACE -fcf-protection -fstack-clash-protection)
    target_link_options(vrep_options INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
    include(CheckPIESupported)
    check_pie_supported(LANGUAGES C)
endif()

if(VREP_FAULT_POINTS)
    target_compile_definitions(vrep_options INTERFACE VREP_FAULT_POINTS)
endif()

if(VREP_SANITIZE)
    set(sanitize -fsanitize=${VREP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    if(VREP_LIBFUZZER)
        list(APPEND sanitize -fsanitize=fuzzer-no-link)
    endif()
    target_compile_options(vrep_options INTERFACE ${sanitize})
    target_link_options(vrep_options INTERFACE ${sanitize})
else()
    # Not with sanitizers: the fortified functions hide accesses from them.
    target_compile_definitions(vrep_options INTERFACE _FORTIFY_SOURCE=2)
endif()
