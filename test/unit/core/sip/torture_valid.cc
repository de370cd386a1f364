// torture_valid.cc: RFC 4475 section 3.1.1 and those of 3.2 to 3.4 that are well formed for a proxy.
#include "test/unit/core/sip/sip_test.h"
#include "test/unit/core/sip/torture_messages.h"

namespace lockstep::sip {
namespace {

// 3.1.1.1: folding everywhere, compact and odd-case names, LWS in every place the grammar allows.
TortureMessage wsinv() {
  return {"wsinv",
          lines({"INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0",
                 "TO :",
                 " sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n",
                 "from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>",
                 "  ;",
                 "  tag = 98asjd8",
                 "MaX-fOrWaRdS: 0068",
                 "Call-ID: wsinv.ndaksdj@192.0.2.1",
                 "Content-Length   : 150",
                 "cseq: 0009",
                 "  INVITE",
                 "Via  : SIP  /   2.0",
                 " /UDP",
                 "    192.0.2.2;branch=390skdjuw",
                 "s :",
                 "NewFangledHeader:   newfangled value",
                 " continued newfangled value",
                 "UnknownHeaderWithUnusualValue: ;;,,;;,;",
                 "Content-Type: application/sdp",
                 "Route:",
                 " <sip:services.example.com;lr;unknownwith=value;unknown-no-value>",
                 "v:  SIP  / 2.0  / TCP     spindle.example.com   ;",
                 "  branch  =   z9hG4bK9ikj8  ,",
                 " SIP  /    2.0   / UDP  192.168.255.111   ; branch=",
                 " z9hG4bK30239",
                 "m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =",
                 "      newvalue ;",
                 "  secondparam ; q = 0.33",
                 ""}) +
              std::string(150, 'x'),
          std::nullopt};
}

// 3.1.1.2: every token character in the method, odd users and passwords, control bytes quoted.
TortureMessage intmeth() {
  std::string text =
      lines({"!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,"
             "/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0",
             "Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~",
             "To: \"BEL:\\\x07 NUL:\\@ DEL:\\\x7f\" "
             "<sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>",
             "From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%="
             "\"\xd1\x80\xd0\xb0\";tag=_token~1'+`*%!-.",
             "Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
             "CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~", "Max-Forwards: 255",
             "extensionHeader-!.%*+_`'~: \xef\xbb\xbf\xe5\xa4\xa7\xe5\x81\x9c\xe9\x9b\xbb",
             "Content-Length: 0", ""});
  text[text.find("\\@") + 1] = '\0';
  return {"intmeth", text, std::nullopt};
}

TortureMessage simple(std::string name, std::string start_line, std::string method,
                      std::initializer_list<std::string_view> more, std::string body = {}) {
  std::string text = start_line + "\r\n" +
                     lines({"Via: SIP/2.0/UDP host1.example.com;branch=z9hG4bKkdjuw", "Max-Forwards: 70",
                            "From: <sip:caller@example.org>;tag=33242", "To: sip:user@example.com",
                            "Call-ID: torture.dhj3@example.com"}) +
                     "CSeq: 234 " + method + "\r\n" + lines(more);
  return {std::move(name), text + "\r\n" + body, std::nullopt};
}

// 3.1.1.7: long values and many of them.
TortureMessage longreq() {
  std::string many_vias;
  for (int i = 0; i < 40; ++i) {
    many_vias += "Via: SIP/2.0/TCP sip" + std::to_string(i) + ".example.com\r\n";
  }
  const std::string long_token(4000, 'l');
  const std::string text =
      "INVITE sip:user@example.com SIP/2.0\r\nTo: \"I have a " + long_token +
      " user name\" <sip:user@example.com:6000;unknownparam1=very" + long_token + ";longparam" + long_token +
      "=shortvalue;very" + long_token + "ParameterNameWithNoValue>\r\nF: sip:" + long_token +
      "@example.net;tag=12982" + long_token + "424;unknownheaderparam" + long_token +
      "=unknowheaderparamvalue\r\nCall-ID: longreq.one" + long_token +
      "longcallid\r\nCSeq: 3882340 INVITE\r\n" + "Unknown-" + long_token + "-Name: unknown-" + long_token +
      "-value; \"" + long_token + "\"\r\n" + many_vias +
      "Via: SIP/2.0/UDP very.long.host.example.com;branch=very" + long_token +
      "branchvalue\r\nMax-Forwards: 70\r\nContact: <sip:amazinglylongcallername" + long_token +
      "@host5.example.net>\r\nContent-Type: application/sdp\r\nl: 4\r\n\r\nv=0\n";
  return {"longreq", text, std::nullopt};
}

// 3.1.2 what a proxy need not look at, 3.3 and 3.4: oddities of meaning, not of form.
std::vector<TortureMessage> odd_but_valid() {
  std::vector<TortureMessage> all;
  const auto add = [&all](TortureMessage message) { all.push_back(std::move(message)); };
  add(simple("escruri", "INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0", "INVITE",
             {"L: 0"}));
  add(simple("baddate", "INVITE sip:user@example.com SIP/2.0", "INVITE",
             {"Date: Fri, 01 Jan 2010 16:00:00 EST"}));
  add(simple("regbadct", "REGISTER sip:example.com SIP/2.0", "REGISTER",
             {"Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E"}));
  add(simple("unkscm", "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0", "OPTIONS", {}));
  add(simple("novelsc", "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0", "OPTIONS", {}));
  add(simple("zeromf", "OPTIONS sip:user@example.com SIP/2.0", "OPTIONS", {"l: 0"}));
  add(simple("cparam01", "REGISTER sip:example.com SIP/2.0", "REGISTER",
             {"Contact: sip:+19725552222@gw1.example.net;unknownparam"}));
  add(simple("cparam02", "REGISTER sip:example.com SIP/2.0", "REGISTER",
             {"Contact: <sip:+19725552222@gw1.example.net;unknownparam>"}));
  add(simple("regescrt", "REGISTER sip:example.com SIP/2.0", "REGISTER",
             {"Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>"}));
  add({"unksm2",
       lines({"REGISTER sip:example.com SIP/2.0", "To: isbn:2983792873",
              "From: <http://www.example.com>;tag=3234233",
              "Call-ID: unksm2.daksdj@hyphenated-host.example.com", "CSeq: 234902 REGISTER",
              "Max-Forwards: 70", "Via: SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bKkdjuw",
              "Contact: <name:John_Smith>", "l: 0", ""}),
       std::nullopt});
  add({"inv2543",
       lines({"INVITE sip:UserB@example.com SIP/2.0", "Via: SIP/2.0/UDP iftgw.example.com",
              "From: <sip:+13035551111@ift.client.example.net;user=phone>",
              "Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>",
              "To: sip:+16505552222@ss1.example.net;user=phone",
              "Call-ID: inv2543.1717@ift.client.example.com", "CSeq: 56 INVITE",
              "Content-Type: application/sdp", "", "v=0"}),
       std::nullopt});
  add({"bcast",
       lines({"SIP/2.0 200 OK", "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923",
              "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23",
              "Call-ID: bcast.0384840201234ksdfak3j2erwedfs", "CSeq: 35 INVITE",
              "From: sip:user@example.com;tag=11141343", "To: sip:user@example.edu;tag=2229",
              "Content-Length: 0", ""}),
       std::nullopt});
  return all;
}

}  // namespace

std::vector<TortureMessage> valid_torture_messages() {
  std::vector<TortureMessage> all = {wsinv(), intmeth(), longreq()};
  const auto add = [&all](TortureMessage message) { all.push_back(std::move(message)); };
  add(simple("esc01", "INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0", "INVITE",
             {"Contact: <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>"}));
  add(simple("escnull", "REGISTER sip:example.com SIP/2.0", "REGISTER",
             {"Contact: <sip:%00@host5.example.com>", "Contact: <sip:%00%00@host5.example.com>", "L:0"}));
  add(simple("esc02", "RE%47IST%45R sip:registrar.example.com SIP/2.0", "RE%47IST%45R",
             {"Contact: <sip:alias1@host1.example.com>", "Contact: <sip:alias2@host2.example.com>"}));
  add(simple("lwsdisp", "OPTIONS sip:user@example.com SIP/2.0", "OPTIONS",
             {"Contact: caller<sip:caller@example.com>"}));
  add(simple("dblreq", "REGISTER sip:example.com SIP/2.0", "REGISTER", {"Content-Length: 0"},
             "INVITE sip:joe@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2\r\n\r\n"));
  add(simple("semiuri", "OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0", "OPTIONS",
             {"Accept: application/sdp", "l: 0"}));
  add(simple(
      "transports", "OPTIONS sip:user@example.com SIP/2.0", "OPTIONS",
      {"Via: SIP/2.0/SCTP t2.example.com;branch=b", "Via: SIP/2.0/TLS t3.example.com;branch=b",
       "Via: SIP/2.0/UNKNOWN t4.example.com;branch=b", "Via: SIP/2.0/TCP t5.example.com;branch=b", "l: 0"}));
  add(simple("mpart01", "MESSAGE sip:kumiko@example.org SIP/2.0", "MESSAGE",
             {"Content-Type: multipart/mixed;boundary=7a9cbec02ceef655", "Content-Length: 8"},
             std::string("\0\xff\x80\r\n\r\n\x01", 8)));
  add({"unreason",
       lines({"SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe",
              "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923",
              "Call-ID: unreason.1234ksdfak3j2erwedfsASdf", "CSeq: 35 INVITE",
              "From: sip:user@example.com;tag=11141343", "To: sip:user@example.edu;tag=2229", "l:0", ""}),
       std::nullopt});
  add({"noreason",
       lines({"SIP/2.0 100 ", "Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe",
              "Call-ID: noreason.asndj203insdf99223ndf", "CSeq: 35 INVITE",
              "From: <sip:user@example.com>;tag=39ansfi3", "To: <sip:user@example.edu>;tag=902jndnke3",
              "Content-Length: 0", ""}),
       std::nullopt});
  for (TortureMessage& message : odd_but_valid()) add(std::move(message));
  TortureMessage bare_lf =
      simple("bare line feeds", "OPTIONS sip:user@example.com SIP/2.0", "OPTIONS", {"l: 0"});
  std::erase(bare_lf.bytes, '\r');
  add(std::move(bare_lf));
  TortureMessage leading =
      simple("leading CRLFs", "OPTIONS sip:user@example.com SIP/2.0", "OPTIONS", {"l: 0"});
  leading.bytes.insert(0, "\r\n\r\n");
  add(std::move(leading));
  return all;
}

}  // namespace lockstep::sip
