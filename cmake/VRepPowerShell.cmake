# The PowerShell module: one C# assembly, compiled by mcs against declarations of our own (ps/interop/reference), and the
# scripts, assembled in modules/VRep beside the programs. A machine without mcs builds all the rest.

find_program(VREP_MCS mcs DOC "The C# compiler (Debian: mono-mcs)")

# vrep_assembly(OUT NAME SOURCES file... [OPTIONS option...] [DEPENDS file...]): NAME.dll in the current build folder.
function(vrep_assembly OUT NAME)
    cmake_parse_arguments(ARG "" "" "SOURCES;OPTIONS;DEPENDS" ${ARGN})
    set(assembly "${CMAKE_CURRENT_BINARY_DIR}/${NAME}.dll")
    add_custom_command(OUTPUT "${assembly}"
        COMMAND "${VREP_MCS}" -target:library -langversion:7 -warn:4 -warnaserror+ "-out:${assembly}" ${ARG_OPTIONS} ${ARG_SOURCES}
        DEPENDS ${ARG_SOURCES} ${ARG_DEPENDS}
        COMMENT "Compiling ${NAME}.dll" VERBATIM)
    set(${OUT} "${assembly}" PARENT_SCOPE)
endfunction()

# vrep_module(NAME FOLDER folder LIBRARY target FILES file...): bin/modules/NAME, with FOLDER's scripts, these files and the
# library. NAME.psd1 gets the version of the project. VREP_MODULE, a global property, is the file that is new when one of them is.
function(vrep_module NAME)
    cmake_parse_arguments(ARG "" "FOLDER;LIBRARY" "FILES" ${ARGN})
    set(module "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/modules/${NAME}")
    set(manifest "${CMAKE_CURRENT_BINARY_DIR}/${NAME}.psd1")
    # Under the name by which .NET looks for it, without a version.
    set(library "$<TARGET_FILE_PREFIX:${ARG_LIBRARY}>$<TARGET_FILE_BASE_NAME:${ARG_LIBRARY}>$<TARGET_FILE_SUFFIX:${ARG_LIBRARY}>")
    configure_file("${ARG_FOLDER}/${NAME}.psd1.in" "${manifest}" @ONLY)
    file(GLOB_RECURSE scripts CONFIGURE_DEPENDS
        "${ARG_FOLDER}/*.ps1" "${ARG_FOLDER}/*.psm1" "${ARG_FOLDER}/*.ps1xml" "${ARG_FOLDER}/*.txt")
    set(stamp "${CMAKE_CURRENT_BINARY_DIR}/${NAME}.stamp")
    add_custom_command(OUTPUT "${stamp}"
        COMMAND ${CMAKE_COMMAND} -E rm -rf "${module}" # what is no longer there is not in the module either
        COMMAND ${CMAKE_COMMAND} -E copy_directory "${ARG_FOLDER}" "${module}"
        COMMAND ${CMAKE_COMMAND} -E rm "${module}/${NAME}.psd1.in"
        COMMAND ${CMAKE_COMMAND} -E copy "${manifest}" ${ARG_FILES} "${module}"
        COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_FILE:${ARG_LIBRARY}> "${module}/${library}"
        COMMAND ${CMAKE_COMMAND} -E touch "${stamp}"
        DEPENDS ${scripts} "${manifest}" ${ARG_FILES} ${ARG_LIBRARY}
        COMMENT "Assembling the module ${NAME}" VERBATIM)
    add_custom_target(vrep_module_${NAME} ALL DEPENDS "${stamp}")
    set_property(GLOBAL PROPERTY VREP_MODULE "${stamp}")
endfunction()
