# The tests that run once for each backend of the disk library, and the double that stands for virtdisk.dll.

# vrep_virtdisk_double(FOLDER): the double of virtdisk.dll, and the tests of the backend on it (FOLDER/suite). Its
# objects come before the product's library, so that its virtdisk_provider() is the program's, and the one that loads
# System32's virtdisk.dll stays out.
function(vrep_virtdisk_double FOLDER)
    file(GLOB sources CONFIGURE_DEPENDS "${FOLDER}/*.c")
    add_library(vrep_virtdisk_double OBJECT ${sources})
    target_link_libraries(vrep_virtdisk_double PUBLIC vrep_options vrep_vhd)
    file(GLOB sources CONFIGURE_DEPENDS "${FOLDER}/suite/*.c")
    foreach(source IN LISTS sources)
        cmake_path(GET source STEM stem)
        vrep_test(NAME virtdisk.${stem} SOURCES "${source}" LIBS vrep_virtdisk_double
                  LABELS virtdisk TIMEOUT 300)
    endforeach()
endfunction()

# vrep_door_folder(FOLDER TIMEOUT seconds): the suite of the disk library's door. Each program is built once and runs
# once for each backend: door.NAME natively, and on Windows door.NAME.virtdisk on the double.
function(vrep_door_folder FOLDER)
    cmake_parse_arguments(ARG "" "TIMEOUT" "" ${ARGN})
    set(double "")
    if(WIN32)
        set(double vrep_virtdisk_double)
    endif()
    vrep_sources(support ${FOLDER}/support)
    add_library(vrep_door_support STATIC ${support})
    target_link_libraries(vrep_door_support PUBLIC vrep_test_support)
    vrep_sources(sources ${FOLDER})
    foreach(source IN LISTS sources)
        cmake_path(GET source STEM stem)
        set(name door.${stem})
        vrep_test(NAME ${name} SOURCES "${source}" LIBS ${double} vrep_door_support
                  LABELS door TIMEOUT ${ARG_TIMEOUT})
        set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT VREP_BACKEND=native)
        if(WIN32)
            add_test(NAME ${name}.virtdisk COMMAND door_${stem})
            vrep_test_environment(${name}.virtdisk program TIMEOUT ${ARG_TIMEOUT} LABELS door virtdisk)
            set_property(TEST ${name}.virtdisk APPEND PROPERTY ENVIRONMENT VREP_BACKEND=virtdisk)
        endif()
    endforeach()
endfunction()

# vrep_virtdisk_service(FOLDER): the service on virtdisk's double, with the other programs beside it in bin-virtdisk of
# the build folder, and the scenarios of two Windows services run on it once more.
function(vrep_virtdisk_service FOLDER)
    set(bin "${CMAKE_BINARY_DIR}/bin-virtdisk")
    file(GLOB sources CONFIGURE_DEPENDS "${FOLDER}/service/*.c" "${CMAKE_SOURCE_DIR}/service/host/*.c")
    list(FILTER sources EXCLUDE REGEX "_posix\\.c$")
    add_executable(vrepsvc_virtdisk ${sources} "${CMAKE_SOURCE_DIR}/service/main.c")
    target_link_libraries(vrepsvc_virtdisk PRIVATE vrep_options vrep_virtdisk_double vrep_service_core)
    set_target_properties(vrepsvc_virtdisk PROPERTIES OUTPUT_NAME vrepsvc RUNTIME_OUTPUT_DIRECTORY "${bin}")
    add_dependencies(vrepsvc_virtdisk vrepctl vrepdisk)
    add_custom_command(TARGET vrepsvc_virtdisk POST_BUILD
        COMMAND ${CMAKE_COMMAND} -E copy_if_different
            $<TARGET_FILE:vrepctl> $<TARGET_FILE:vrepdisk> $<TARGET_RUNTIME_DLLS:vrepctl> "${bin}"
        COMMAND_EXPAND_LISTS VERBATIM)
    set(name e2e.win_resync.virtdisk)
    add_test(NAME ${name} COMMAND "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_SOURCE_DIR}/e2e/win_resync.py")
    vrep_test_environment(${name} script TIMEOUT 600 LABELS e2e wine virtdisk)
    set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT "VREP_BIN=${bin}" VREP_BACKEND=virtdisk)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
endfunction()
