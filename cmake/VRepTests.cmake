# How tests become CTest tests. tests/README.md says how to add one; this file is how it works.

find_package(Python3 COMPONENTS Interpreter REQUIRED)

# The disk images that other programs wrote are not in the repository; tests that need them skip without.
set(corpus "${CMAKE_SOURCE_DIR}/../shared/corpus")
cmake_path(NORMAL_PATH corpus)
if(NOT EXISTS "${corpus}")
    set(corpus "")
endif()
set(VREP_CORPUS "${corpus}" CACHE PATH "Folder of disk images that other programs wrote (may be empty)")

set(VREP_WINEPREFIX "${CMAKE_BINARY_DIR}/wineprefix")

# vrep_test_environment(NAME KIND TIMEOUT seconds LABELS label...): what every test gets. KIND is program or
# script; a Windows program sees the same folders by their Windows names.
function(vrep_test_environment NAME KIND)
    cmake_parse_arguments(ARG "" "TIMEOUT" "LABELS" ${ARGN})
    set(drive "")
    set(run "")
    if(WIN32)
        set(run wine)
        if(KIND STREQUAL "program")
            set(drive "Z:")
        endif()
    endif()
    set(environment
        LC_ALL=C.UTF-8 # Wine takes the encoding of file names from it
        "VREP_PRESET=${VREP_PRESET}"
        "VREP_BIN=${drive}${CMAKE_RUNTIME_OUTPUT_DIRECTORY}"
        "VREP_EXE=${CMAKE_EXECUTABLE_SUFFIX}"
        "VREP_RUN=${run}"
        "VREP_SOURCE_DIR=${drive}${CMAKE_SOURCE_DIR}"
        PYTHONDONTWRITEBYTECODE=1
        ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:handle_segv=2:handle_sigbus=2
        UBSAN_OPTIONS=print_stacktrace=1)
    if(VREP_CORPUS)
        list(APPEND environment "VREP_CORPUS=${drive}${VREP_CORPUS}")
    endif()
    set_tests_properties(${NAME} PROPERTIES
        TIMEOUT "${ARG_TIMEOUT}" LABELS "${ARG_LABELS}" SKIP_RETURN_CODE 77)
    if(WIN32)
        list(APPEND environment ${VREP_WINE_ENVIRONMENT})
        set_tests_properties(${NAME} PROPERTIES FIXTURES_REQUIRED wine)
    endif()
    set_tests_properties(${NAME} PROPERTIES ENVIRONMENT "${environment}")
endfunction()

# The prefix is made once and kept; the server stays up between the tests, which makes each start 40 ms.
if(WIN32)
    set(VREP_WINE_ENVIRONMENT
        "WINEPREFIX=${VREP_WINEPREFIX}"
        WINEARCH=win64
        WINEDEBUG=-all
        "WINEDLLOVERRIDES=mscoree,mshtml,winedbg.exe=")
    add_test(NAME wine.start COMMAND "${CMAKE_SOURCE_DIR}/tests/wine/fixture/start.sh")
    add_test(NAME wine.stop COMMAND "${CMAKE_SOURCE_DIR}/tests/wine/fixture/stop.sh")
    set_tests_properties(wine.start wine.stop PROPERTIES
        ENVIRONMENT "LC_ALL=C.UTF-8;${VREP_WINE_ENVIRONMENT}" TIMEOUT 180 LABELS wine)
    set_tests_properties(wine.start PROPERTIES FIXTURES_SETUP wine)
    set_tests_properties(wine.stop PROPERTIES FIXTURES_CLEANUP wine)
endif()

# vrep_test(NAME folder.name SOURCES file... LABELS label... [LIBS lib...] [TIMEOUT seconds]): one cmocka program.
function(vrep_test)
    cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
    string(REPLACE "." "_" target "${ARG_NAME}")
    vrep_test_program(${target} SOURCES ${ARG_SOURCES} LIBS cmocka::cmocka ${ARG_LIBS})
    add_test(NAME ${ARG_NAME} COMMAND ${target})
    vrep_test_environment(${ARG_NAME} program TIMEOUT ${ARG_TIMEOUT} LABELS ${ARG_LABELS})
endfunction()

# vrep_test_libraries(OUT source...): what these sources need beyond base, vhd, etw and the engine, by the headers
# that they include; so a test of the disk library is built and runs while the service does not compile.
function(vrep_test_libraries OUT)
    set(libraries vrep_test_support)
    foreach(source IN LISTS ARGN)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
        file(STRINGS "${source}" includes REGEX "^#include \"(service|ps|etw/compile|installer/actions|tests/support/service)/")
        list(FILTER includes EXCLUDE REGEX "\"service/engine/")
        if(includes MATCHES "\"service/")
            list(PREPEND libraries vrep_service_core)
        endif()
        if(includes MATCHES "\"tests/support/service/")
            list(PREPEND libraries vrep_service_test_support)
        endif()
        if(includes MATCHES "\"ps/")
            list(PREPEND libraries vrep_client)
        endif()
        if(includes MATCHES "\"installer/actions/")
            list(PREPEND libraries vrep_installer_actions)
        endif()
        if(includes MATCHES "\"etw/compile/")
            list(PREPEND libraries vrep_mc)
        endif()
    endforeach()
    set(${OUT} "${libraries}" PARENT_SCOPE)
endfunction()

# Test programs lie beside the product's, in tests/ of the build folder.
function(vrep_test_program TARGET)
    cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
    add_executable(${TARGET} ${ARG_SOURCES})
    vrep_test_libraries(libraries ${ARG_SOURCES})
    set_target_properties(${TARGET} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
    target_link_libraries(${TARGET} PRIVATE ${libraries} ${ARG_LIBS})
    if(WIN32)
        target_link_options(${TARGET} PRIVATE -mconsole)
    endif()
endfunction()

# vrep_test_folder(FOLDER TIMEOUT seconds): each C file of the folder is one test program, each .py and .sh one
# test script. A script may carry a line (defaults shown):
#   # vrep-test: timeout=300 labels=<folder> presets=native,asan [serial]
function(vrep_test_folder FOLDER)
    cmake_parse_arguments(ARG "" "TIMEOUT" "" ${ARGN})
    vrep_sources(sources ${FOLDER})
    foreach(source IN LISTS sources)
        cmake_path(GET source STEM stem)
        vrep_test(NAME ${FOLDER}.${stem} SOURCES "${source}" LABELS ${FOLDER} TIMEOUT ${ARG_TIMEOUT})
    endforeach()

    file(GLOB scripts CONFIGURE_DEPENDS "${FOLDER}/*.py" "${FOLDER}/*.sh")
    foreach(script IN LISTS scripts)
        vrep_test_script("${script}" ${FOLDER})
    endforeach()
endfunction()

function(vrep_test_script SCRIPT FOLDER)
    cmake_path(GET SCRIPT STEM stem)
    cmake_path(GET SCRIPT FILENAME file_name)
    if(file_name MATCHES "^_")
        return() # a module that the scripts of the folder share
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${SCRIPT}")
    set(timeout 300)
    set(labels ${FOLDER})
    set(presets native asan)
    if(FOLDER STREQUAL "wine")
        set(presets win64)
    endif()
    set(serial OFF)
    file(STRINGS "${SCRIPT}" header REGEX "^# vrep-test:" LIMIT_COUNT 1)
    string(REGEX REPLACE "^# vrep-test:[ \t]*" "" header "${header}")
    separate_arguments(words UNIX_COMMAND "${header}")
    foreach(word IN LISTS words)
        if(word MATCHES "^(timeout|labels|presets)=(.+)$")
            string(REPLACE "," ";" ${CMAKE_MATCH_1} "${CMAKE_MATCH_2}")
        elseif(word STREQUAL "serial")
            set(serial ON)
        else()
            message(FATAL_ERROR "${SCRIPT}: unknown word in its vrep-test line: ${word}")
        endif()
    endforeach()
    if(NOT VREP_PRESET IN_LIST presets)
        return()
    endif()
    set(interpreter bash)
    if(SCRIPT MATCHES "\\.py$")
        set(interpreter "${Python3_EXECUTABLE}")
    endif()
    add_test(NAME ${FOLDER}.${stem} COMMAND ${interpreter} "${SCRIPT}")
    vrep_test_environment(${FOLDER}.${stem} script TIMEOUT ${timeout} LABELS ${labels})
    set_tests_properties(${FOLDER}.${stem} PROPERTIES RUN_SERIAL ${serial})
endfunction()

# vrep_crash_states(LEAST): each crash test says how many states it tried (tests/support/crash_states.c); the test
# crash.states fails when all together tried fewer than LEAST.
function(vrep_crash_states LEAST)
    set(folder "${CMAKE_BINARY_DIR}/crash-states")
    file(MAKE_DIRECTORY "${folder}")
    set(drive "")
    if(WIN32)
        set(drive "Z:")
    endif()
    get_property(tests DIRECTORY PROPERTY TESTS)
    list(FILTER tests INCLUDE REGEX "^crash\\.")
    foreach(test IN LISTS tests)
        set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT "VREP_CRASH_STATES=${drive}${folder}/${test}")
        set_property(TEST ${test} PROPERTY FIXTURES_SETUP crash_states)
    endforeach()
    list(JOIN tests "," names)
    add_test(NAME crash.states COMMAND ${CMAKE_COMMAND}
        -DFOLDER=${folder} -DTESTS=${names} -DLEAST=${LEAST} -P "${CMAKE_SOURCE_DIR}/cmake/CrashStates.cmake")
    set_tests_properties(crash.states PROPERTIES FIXTURES_REQUIRED crash_states LABELS crash TIMEOUT 60)
endfunction()

# vrep_package_tests(FOLDER): scripts that look at the packages of the preset native, and the test that makes those.
function(vrep_package_tests FOLDER)
    vrep_test_folder(${FOLDER} TIMEOUT 300)
    get_property(tests DIRECTORY PROPERTY TESTS)
    list(FILTER tests INCLUDE REGEX "^${FOLDER}\\.")
    if(NOT tests)
        return()
    endif()
    set(packages "${CMAKE_BINARY_DIR}/packages")
    add_test(NAME ${FOLDER}.build COMMAND ${CMAKE_CPACK_COMMAND} --config "${CMAKE_BINARY_DIR}/CPackConfig.cmake" -B "${packages}")
    set_tests_properties(${FOLDER}.build PROPERTIES FIXTURES_SETUP packages LABELS ${FOLDER} TIMEOUT 120)
    set_tests_properties(${tests} PROPERTIES FIXTURES_REQUIRED packages)
endfunction()

# Fuzz targets: <name>.c defines LLVMFuzzerTestOneInput. With libFuzzer they search; in every other build they
# replay corpus/<name>/ and so keep what was once found from coming back. limits/ bounds the memory of each input.
function(vrep_fuzz_folder FOLDER)
    set(seconds "$ENV{VREP_FUZZ_SECONDS}")
    if(NOT seconds)
        set(seconds 60)
    endif()
    vrep_sources(sources ${FOLDER})
    vrep_sources(limits ${FOLDER}/limits)
    foreach(source IN LISTS sources)
        cmake_path(GET source STEM stem)
        set(target ${FOLDER}_${stem})
        set(corpus "${CMAKE_CURRENT_SOURCE_DIR}/${FOLDER}/corpus/${stem}")
        if(VREP_LIBFUZZER)
            vrep_test_program(${target} SOURCES "${source}" ${limits})
            target_link_options(${target} PRIVATE -fsanitize=fuzzer)
            # New inputs go to the build folder; the committed corpus is only read.
            set(found "${CMAKE_BINARY_DIR}/corpus/${stem}")
            file(MAKE_DIRECTORY "${found}")
            set(seeds "")
            if(EXISTS "${corpus}")
                set(seeds "${corpus}")
            endif()
            add_test(NAME fuzz.${stem} COMMAND ${target}
                -max_total_time=${seconds} -timeout=25 -malloc_limit_mb=64 -rss_limit_mb=2048 "${found}" ${seeds})
            math(EXPR timeout "${seconds} + 120")
        else()
            vrep_test_program(${target} SOURCES "${source}" ${limits} ${FOLDER}/replay/main.c)
            add_test(NAME fuzz.${stem} COMMAND ${target} "${corpus}")
            set(timeout 300)
        endif()
        if(limits)
            foreach(function IN ITEMS malloc calloc realloc free LLVMFuzzerTestOneInput)
                target_link_options(${target} PRIVATE "LINKER:--wrap=${function}")
            endforeach()
        endif()
        vrep_test_environment(fuzz.${stem} program TIMEOUT ${timeout} LABELS fuzz-smoke)
    endforeach()
endfunction()
