# Compiler and linker options of everything we build.
add_compile_definitions(_GNU_SOURCE FERRY_VERSION="${PROJECT_VERSION}")
add_compile_options(
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
  -Wformat=2 -Wswitch-enum -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings
  -fno-common -fstack-protector-strong)
if(CMAKE_C_COMPILER_ID STREQUAL Clang)
  add_compile_options(-Wno-gnu-statement-expression -Wno-cast-qual) # librdkafka's RD_KAFKA_V_ macros
endif()
if(FERRY_WERROR)
  add_compile_options(-Werror)
endif()

if(FERRY_SANITIZE)
  add_compile_options(-fsanitize=${FERRY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FERRY_SANITIZE})
else()
  # FORTIFY needs optimisation and disturbs the sanitizers.
  add_compile_options($<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE>
                      $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
  add_compile_options(-fstack-clash-protection -fcf-protection=full)
  if(CMAKE_C_COMPILER_ID STREQUAL GNU) # clang 14 wants a second, experimental flag beside it
    add_compile_options(-ftrivial-auto-var-init=zero)
  endif()
  add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

# Small functions of core are called for every column of every record, from another file.
include(CheckIPOSupported)
check_ipo_supported(RESULT ferry_ipo LANGUAGES C)
if(ferry_ipo AND NOT FERRY_SANITIZE)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION_RELEASE ON)
endif()
