# The libraries that VRep does not write itself, as imported targets:
#   jansson::jansson  xxhash::xxhash  cmocka::cmocka  ZLIB::ZLIB  Threads::Threads  EXPAT::EXPAT (not on Windows)
# Linux takes Debian's packages. Debian has only zlib for MinGW: cmake/deps/build-win64.sh builds the others
# once, from Debian's source packages, into build/deps/win64.

find_package(Threads REQUIRED)

# vrep_imported(NAME LIBRARY file INCLUDE folder): a static or shared library that was found somewhere.
function(vrep_imported NAME)
    cmake_parse_arguments(ARG "" "LIBRARY;INCLUDE" "" ${ARGN})
    add_library(${NAME} UNKNOWN IMPORTED GLOBAL)
    set_target_properties(${NAME} PROPERTIES
        IMPORTED_LOCATION "${ARG_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${ARG_INCLUDE}")
endfunction()

if(WIN32)
    set(ZLIB_USE_STATIC_LIBS ON) # else libz.dll.a is picked and zlib1.dll needed
    set(VREP_DEPS "${CMAKE_SOURCE_DIR}/build/deps/win64")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
        "${CMAKE_SOURCE_DIR}/cmake/deps/deps.lock" "${CMAKE_SOURCE_DIR}/cmake/deps/build-win64.sh")
    execute_process(COMMAND "${CMAKE_SOURCE_DIR}/cmake/deps/build-win64.sh" "${VREP_DEPS}"
        COMMAND_ERROR_IS_FATAL ANY)
    vrep_imported(jansson::jansson LIBRARY "${VREP_DEPS}/lib/libjansson.a" INCLUDE "${VREP_DEPS}/include")
    vrep_imported(cmocka::cmocka LIBRARY "${VREP_DEPS}/lib/libcmocka-static.a" INCLUDE "${VREP_DEPS}/include")
    set(xxhash_include "${VREP_DEPS}/include")
else()
    find_package(PkgConfig REQUIRED)
    pkg_check_modules(jansson REQUIRED IMPORTED_TARGET GLOBAL jansson>=2.14)
    add_library(jansson::jansson ALIAS PkgConfig::jansson)
    pkg_check_modules(cmocka_pc REQUIRED IMPORTED_TARGET GLOBAL cmocka>=1.1.5)
    add_library(cmocka::cmocka ALIAS PkgConfig::cmocka_pc)
    find_path(xxhash_include xxhash.h REQUIRED)
    find_package(EXPAT 2.4 REQUIRED) # for the manifest compiler, which runs where VRep is built
endif()

find_package(ZLIB REQUIRED)

add_library(xxhash::xxhash INTERFACE IMPORTED GLOBAL)
set_target_properties(xxhash::xxhash PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${xxhash_include}"
    INTERFACE_COMPILE_DEFINITIONS XXH_INLINE_ALL)
