# The flags of every target, as the interface library loginetl_flags.

include(CheckCSourceCompiles)
include(CheckIPOSupported)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Assertions hold in the program that people run, so NDEBUG is never defined.
set(CMAKE_C_FLAGS_RELEASE "-O3 -g")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_MINSIZEREL "-Os -g")

add_library(loginetl_flags INTERFACE)
target_include_directories(loginetl_flags INTERFACE ${CMAKE_CURRENT_SOURCE_DIR}/include)
# _GNU_SOURCE: strict C11 hides POSIX, and explicit_bzero, getrandom and accept4 with it.
target_compile_definitions(loginetl_flags INTERFACE _GNU_SOURCE LE_VERSION="${PROJECT_VERSION}")
target_compile_options(loginetl_flags INTERFACE
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wmissing-declarations
    -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wundef -Wredundant-decls -Wnested-externs
    -Wimplicit-fallthrough -Wunused-result
    $<$<C_COMPILER_ID:GNU>:-Wlogical-op -Wduplicated-cond -Wformat-signedness>
    # Relative names in assertions and debug information: a build says nothing about where it was made.
    -ffile-prefix-map=${CMAKE_CURRENT_SOURCE_DIR}/=)
target_link_options(loginetl_flags INTERFACE -ffile-prefix-map=${CMAKE_CURRENT_SOURCE_DIR}/=)
if(LOGINETL_WERROR)
    target_compile_options(loginetl_flags INTERFACE -Werror)
endif()

if(LOGINETL_SANITIZE)
    set(sanitize -fsanitize=${LOGINETL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_compile_options(loginetl_flags INTERFACE ${sanitize})
    target_link_options(loginetl_flags INTERFACE ${sanitize})
endif()

if(LOGINETL_HARDEN)
    include(CheckPIESupported)
    check_pie_supported(LANGUAGES C)
    # Level 3 also guards buffers whose size is known only at run time; an older compiler or C library warns and has 2.
    set(CMAKE_REQUIRED_FLAGS "-O2 -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
    check_c_source_compiles("#include <string.h>\nint main(void) { return 0; }" LOGINETL_FORTIFY_3)
    set(CMAKE_REQUIRED_FLAGS "-Werror -fcf-protection")
    check_c_source_compiles("int main(void) { return 0; }" LOGINETL_CF_PROTECTION)
    unset(CMAKE_REQUIRED_FLAGS)
    target_compile_options(loginetl_flags INTERFACE
        -fstack-protector-strong -fstack-clash-protection
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$<IF:$<BOOL:${LOGINETL_FORTIFY_3}>,3,2>
        $<$<BOOL:${LOGINETL_CF_PROTECTION}>:-fcf-protection>)
    target_link_options(loginetl_flags INTERFACE LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)
endif()

if(LOGINETL_LTO)
    # clang's objects are bitcode then, which of the linkers only its own reads without a plugin.
    if(CMAKE_C_COMPILER_ID MATCHES "Clang")
        add_link_options(-fuse-ld=lld)
    endif()
    check_ipo_supported(RESULT lto_works OUTPUT lto_output LANGUAGES C)
    if(NOT lto_works)
        message(FATAL_ERROR "This compiler cannot optimise when linking (LOGINETL_LTO):\n${lto_output}")
    endif()
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
    # Our libraries hold machine code too, so that a test can be linked in no time: to optimise each of many across its files
    # takes longer than to compile all of them. With tests or without, so that the program is the same.
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        set(loginetl_fat -ffat-lto-objects)
    endif()
endif()
