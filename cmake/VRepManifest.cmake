# Events from a manifest: vrepmc (etw/compile/) is a program of the machine that builds. A Windows build runs the native
# one, and builds it by the native preset when it is not there.

# vrep_manifest_compiler(FOLDER): vrepmc, which vrep_manifest runs.
function(vrep_manifest_compiler FOLDER)
    if(NOT WIN32)
        vrep_library(vrep_mc DIRS ${FOLDER} LIBS vrep_base EXPAT::EXPAT)
        vrep_program(vrepmc MAIN ${FOLDER}/main.c LIBS vrep_mc)
        set_property(GLOBAL PROPERTY VREP_MC vrepmc)
        return()
    endif()
    set(native "${CMAKE_SOURCE_DIR}/build/native")
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${FOLDER}/*.[ch]")
    add_custom_command(OUTPUT "${native}/bin/vrepmc"
        COMMAND ${CMAKE_COMMAND} --preset native
        COMMAND ${CMAKE_COMMAND} --build --preset native --target vrepmc
        WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}"
        DEPENDS ${sources} COMMENT "Building vrepmc for this machine" VERBATIM)
    set_property(GLOBAL PROPERTY VREP_MC "${native}/bin/vrepmc")
endfunction()

# vrep_manifest(TARGET FILE.man [PREAMBLE FILE.md]): FILE's outputs, in the folder include/events of the build folder;
# TARGET and what links it find the header as "events/FILE.h". Who needs another output depends on the file,
# VREP_EVENTS/FILE.rc. The reference FILE.md begins with PREAMBLE's text.
function(vrep_manifest TARGET MANIFEST)
    cmake_parse_arguments(ARG "" "PREAMBLE" "" ${ARGN})
    set(preamble "")
    if(ARG_PREAMBLE)
        set(preamble --preamble "${CMAKE_CURRENT_SOURCE_DIR}/${ARG_PREAMBLE}")
    endif()
    get_property(compiler GLOBAL PROPERTY VREP_MC)
    cmake_path(GET MANIFEST STEM name)
    set(folder "${CMAKE_CURRENT_BINARY_DIR}/include/events")
    set(ends .h .bin _MSG00001.bin .rc .md)
    list(TRANSFORM ends PREPEND "${folder}/${name}" OUTPUT_VARIABLE outputs)
    add_custom_command(OUTPUT ${outputs}
        COMMAND ${compiler} "${CMAKE_CURRENT_SOURCE_DIR}/${MANIFEST}" -o "${folder}" ${preamble}
        DEPENDS ${compiler} "${MANIFEST}" ${ARG_PREAMBLE}
        COMMENT "Compiling ${MANIFEST}" VERBATIM)
    add_custom_target(${TARGET}_manifest DEPENDS ${outputs})
    add_dependencies(${TARGET} ${TARGET}_manifest)
    target_include_directories(${TARGET} PUBLIC "${CMAKE_CURRENT_BINARY_DIR}/include")
    set(VREP_EVENTS "${folder}" PARENT_SCOPE)
endfunction()

# vrep_event_dll(NAME FILE.rc FOLDER): on Windows, NAME.dll in FOLDER with the resources of a manifest's FILE.rc and
# nothing else. The event log and Event Viewer map it while they read; without code it serves every architecture, and
# nothing in it depends on when or where it was made.
function(vrep_event_dll NAME RC FOLDER)
    if(NOT WIN32)
        return()
    endif()
    cmake_path(GET RC PARENT_PATH resources)
    cmake_path(GET RC STEM stem)
    set(object "${CMAKE_CURRENT_BINARY_DIR}/${NAME}.o")
    add_custom_command(OUTPUT "${FOLDER}/${NAME}.dll"
        COMMAND ${CMAKE_RC_COMPILER} "${RC}" "${object}"
        COMMAND ${CMAKE_C_COMPILER} -shared -nostartfiles -nostdlib -s
            -Wl,--entry=0 -Wl,--no-insert-timestamp -o "${FOLDER}/${NAME}.dll" "${object}"
        WORKING_DIRECTORY "${resources}"
        DEPENDS "${RC}" "${resources}/${stem}.bin" "${resources}/${stem}_MSG00001.bin"
        COMMENT "Linking ${NAME}.dll" VERBATIM)
    add_custom_target(${NAME}_dll ALL DEPENDS "${FOLDER}/${NAME}.dll")
endfunction()

# vrep_beside_programs(file...): copies in the programs' folder, with the folders that they are in.
function(vrep_beside_programs)
    foreach(name IN LISTS ARGN)
        configure_file("${name}" "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/${name}" COPYONLY)
    endforeach()
endfunction()
