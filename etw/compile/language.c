#include "etw/compile/language.h"

#include <stddef.h>
#include <strings.h>

static const struct {
    const char *culture;
    uint16_t id;
} languages[] = {
    {"af-ZA", 0x0436},      {"ar-SA", 0x0401}, {"bg-BG", 0x0402}, {"ca-ES", 0x0403},
    {"cs-CZ", 0x0405},      {"da-DK", 0x0406}, {"de-AT", 0x0C07}, {"de-CH", 0x0807},
    {"de-DE", 0x0407},      {"el-GR", 0x0408}, {"en-AU", 0x0C09}, {"en-CA", 0x1009},
    {"en-GB", 0x0809},      {"en-US", 0x0409}, {"es-ES", 0x0C0A}, {"es-MX", 0x080A},
    {"et-EE", 0x0425},      {"eu-ES", 0x042D}, {"fi-FI", 0x040B}, {"fr-BE", 0x080C},
    {"fr-CA", 0x0C0C},      {"fr-CH", 0x100C}, {"fr-FR", 0x040C}, {"gl-ES", 0x0456},
    {"he-IL", 0x040D},      {"hi-IN", 0x0439}, {"hr-HR", 0x041A}, {"hu-HU", 0x040E},
    {"id-ID", 0x0421},      {"is-IS", 0x040F}, {"it-IT", 0x0410}, {"ja-JP", 0x0411},
    {"kk-KZ", 0x043F},      {"ko-KR", 0x0412}, {"lt-LT", 0x0427}, {"lv-LV", 0x0426},
    {"ms-MY", 0x043E},      {"nb-NO", 0x0414}, {"nl-BE", 0x0813}, {"nl-NL", 0x0413},
    {"nn-NO", 0x0814},      {"pl-PL", 0x0415}, {"pt-BR", 0x0416}, {"pt-PT", 0x0816},
    {"ro-RO", 0x0418},      {"ru-RU", 0x0419}, {"sk-SK", 0x041B}, {"sl-SI", 0x0424},
    {"sr-Latn-RS", 0x241A}, {"sv-SE", 0x041D}, {"th-TH", 0x041E}, {"tr-TR", 0x041F},
    {"uk-UA", 0x0422},      {"vi-VN", 0x042A}, {"zh-CN", 0x0804}, {"zh-HK", 0x0C04},
    {"zh-TW", 0x0404},
};

uint16_t language_id(const char *culture)
{
    for (size_t i = 0; i < sizeof languages / sizeof languages[0]; i++)
        if (strcasecmp(languages[i].culture, culture) == 0)
            return languages[i].id;
    return 0;
}
