# Events from a manifest: vrepmc (etw/compile/) is a program of the machine that builds. A Windows build runs the native
# one, and builds it by the native preset when it is not there.

# vrep_manifest_compiler(FOLDER): vrepmc, and in VREP_MC how it is run.
function(vrep_manifest_compiler FOLDER)
    if(NOT WIN32)
        vrep_library(vrep_mc DIRS ${FOLDER} LIBS vrep_base EXPAT::EXPAT)
        vrep_program(vrepmc MAIN ${FOLDER}/main.c LIBS vrep_mc)
        set(VREP_MC vrepmc PARENT_SCOPE)
        return()
    endif()
    set(native "${CMAKE_SOURCE_DIR}/build/native")
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${FOLDER}/*.[ch]")
    add_custom_command(OUTPUT "${native}/bin/vrepmc"
        COMMAND ${CMAKE_COMMAND} --preset native
        COMMAND ${CMAKE_COMMAND} --build --preset native --target vrepmc
        WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}"
        DEPENDS ${sources} COMMENT "Building vrepmc for this machine" VERBATIM)
    set(VREP_MC "${native}/bin/vrepmc" PARENT_SCOPE)
endfunction()

# vrep_manifest(TARGET FILE.man): FILE's outputs, in the folder include/events of the build folder; TARGET and what
# links it find the header as "events/FILE.h". Who needs another output depends on the file, VREP_EVENTS/FILE.rc.
function(vrep_manifest TARGET MANIFEST)
    cmake_path(GET MANIFEST STEM name)
    set(folder "${CMAKE_CURRENT_BINARY_DIR}/include/events")
    set(ends .h .bin _MSG00001.bin .rc .md)
    list(TRANSFORM ends PREPEND "${folder}/${name}" OUTPUT_VARIABLE outputs)
    add_custom_command(OUTPUT ${outputs}
        COMMAND ${VREP_MC} "${CMAKE_CURRENT_SOURCE_DIR}/${MANIFEST}" -o "${folder}"
        DEPENDS ${VREP_MC} "${CMAKE_CURRENT_SOURCE_DIR}/${MANIFEST}"
        COMMENT "Compiling ${MANIFEST}" VERBATIM)
    add_custom_target(${TARGET}_manifest DEPENDS ${outputs})
    add_dependencies(${TARGET} ${TARGET}_manifest)
    target_include_directories(${TARGET} PUBLIC "${CMAKE_CURRENT_BINARY_DIR}/include")
    set(VREP_EVENTS "${folder}" PARENT_SCOPE)
endfunction()
