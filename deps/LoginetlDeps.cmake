# Finding libraries, and saying what to do about one that is not there.

include(FindPackageHandleStandardArgs)

# loginetl_need(<package> <Debian package> <level of deps/install.sh>): the package, or the end of the configuration.
macro(loginetl_need PACKAGE DEBIAN LEVEL)
    find_package(${PACKAGE} QUIET)
    if(NOT ${PACKAGE}_FOUND)
        message(FATAL_ERROR "${PACKAGE} is missing. This installs it, with everything else that is needed:\n"
            "  deps/install.sh ${LEVEL}\n"
            "On Debian its package is ${DEBIAN}:\n"
            "  apt-get install ${DEBIAN}")
    endif()
endmacro()

# loginetl_module(<package> <target> HEADER <file> [SUFFIX <folder>] [LIBRARY <name>]): the body of a find module. Without
# a library the package is a header and nothing else; the suffix is a folder below the usual include folders. Debian's versions ship no CMake configuration of their own, hence the modules.
macro(loginetl_module PACKAGE TARGET)
    cmake_parse_arguments(_module "" "HEADER;SUFFIX;LIBRARY" "" ${ARGN})
    set(_module_required ${PACKAGE}_INCLUDE_DIR)
    find_path(${PACKAGE}_INCLUDE_DIR ${_module_HEADER} PATH_SUFFIXES ${_module_SUFFIX})
    mark_as_advanced(${PACKAGE}_INCLUDE_DIR)
    if(_module_LIBRARY)
        find_library(${PACKAGE}_LIBRARY ${_module_LIBRARY})
        mark_as_advanced(${PACKAGE}_LIBRARY)
        list(APPEND _module_required ${PACKAGE}_LIBRARY)
    endif()
    find_package_handle_standard_args(${PACKAGE} REQUIRED_VARS ${_module_required})
    if(${PACKAGE}_FOUND AND NOT TARGET ${TARGET})
        if(_module_LIBRARY)
            add_library(${TARGET} UNKNOWN IMPORTED)
            set_target_properties(${TARGET} PROPERTIES IMPORTED_LOCATION ${${PACKAGE}_LIBRARY})
        else()
            add_library(${TARGET} INTERFACE IMPORTED)
        endif()
        set_target_properties(${TARGET} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${${PACKAGE}_INCLUDE_DIR})
    endif()
endmacro()
