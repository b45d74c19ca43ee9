package collation

import "strings"

// localeCandidates returns the names that mongod may know: languages of ICU's data, alone and with each of the kinds of order that there are.
func localeCandidates() (list []string) {
	languages := strings.Fields(`en af am ar as az be bg bn bo bs bs_Cyrl ca ceb chr cs cy da de de_AT dsb dz ee el en_US en_US_POSIX eo es et fa fa_AF
		fi fil fo fr fr_CA ga gl gu ha haw he hi hr hsb hu hy id ig is it ja ka kk kl km kn ko kok ky lb lkt ln lo lt lv mk ml mn mr ms mt my nb ne nl nn
		no om or pa pl ps pt ro ru se si sk sl smn sq sr sr_Latn sv sw ta te th to tr ug uk ur uz vi wae yi yo zh zh_Hant zu`)
	kinds := strings.Fields(`search phonebook traditional standard reformed phonetic stroke pinyin zhuyin unihan gb2312han big5han searchjl dictionary compat eor emoji`)
	list = append(list, languages...)
	for _, l := range languages {
		for _, k := range kinds {
			list = append(list, l+"@collation="+k)
		}
	}
	return list
}
