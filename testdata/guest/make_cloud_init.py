#!/usr/bin/env python3
"""Makes testdata/guest/cloud_init: configurations, and what cloud-init and PyYAML make of them.

    apt-get download cloud-init && dpkg-deb -x cloud-init_*.deb cloud-init
    testdata/guest/make_cloud_init.py cloud-init testdata/guest/cloud_init

Made with cloud-init 22.4.2-1+deb12u4 and PyYAML 6.0.3. The hashes in accounts/hashes.txt are of the
password "x", by mkpasswd 5.5.17 with libxcrypt 4.4.33 (`mkpasswd -m METHOD x`), the one of
sha1-crypt by Perl's crypt, the last two by `openssl passwd -6` and `-1`.
"""
import sys, json, os, shutil, logging
PACKAGE, OUT = sys.argv[1:]
sys.path.insert(0, PACKAGE + '/usr/lib/python3/dist-packages')
from cloudinit import util
import yaml
shutil.rmtree(OUT, ignore_errors=True)
os.makedirs(OUT)
deb=PACKAGE + '/etc/cloud'
cases={
 'debian_12': {'cloud.cfg': open(deb+'/cloud.cfg').read(), 'cloud.cfg.d/05_logging.cfg': open(deb+'/cloud.cfg.d/05_logging.cfg').read(),
    'cloud.cfg.d/90_dpkg.cfg': '# to update this file, run dpkg-reconfigure cloud-init\ndatasource_list: [ NoCloud, ConfigDrive, OpenStack, None ]\n',
    'cloud.cfg.d/README': 'not: read\n'},
 'layers': {
   'cloud.cfg': 'disable_root: true\nssh_pwauth: no\ndatasource_list: [Ec2]\nusers:\n  - default\nsystem_info:\n  distro: rhel\n  default_user:\n    name: cloud-user\n    lock_passwd: true\nnetwork:\n  a: 1\nonly_base: base\ntext: base\nmapped: {x: 1}\n',
   'cloud.cfg.d/10-a.cfg': 'disable_root: 0\nsystem_info:\n  default_user:\n    lock_passwd: False\n    groups: [wheel]\n  network: {renderers: [sysconfig]}\nusers: []\ntext: {became: a map}\nmapped: now text\n',
   'cloud.cfg.d/90-b.cfg': 'ssh_pwauth: 1\ndatasource_list:\n  - OpenStack\n  - None\nnetwork: {config: disabled}\ntext: last\nnothing: null\n',
   'cloud.cfg.d/95-broken.cfg': 'a: [1\n',
   'cloud.cfg.d/96-list.cfg': '- 1\n',
   'cloud.cfg.d/97-empty.cfg': '# nothing\n',
 },
 'merge_how': {
   'cloud.cfg': 'merge_how: "list(append)+dict(no_replace, recurse_list)+str()"\ndatasource_list: [Ec2]\na: {l: [1, 2], m: {x: 1}}\ns: weak\n',
   'cloud.cfg.d/1.cfg': 'merge_type:\n - [dict, replace]\n - name: list\n   settings: [append]\ndatasource_list: [OpenStack]\na: {l: [3], m: {y: 2}}\ns: middle\n',
   'cloud.cfg.d/2.cfg': 'datasource_list: [NoCloud]\na: {l: [9]}\ns: strong\n',
 },
 'merge_prepend': {
   'cloud.cfg': 'merge_how:\n - name: dict\n   settings: [recurse_list, recurse_str, allow_delete]\n - name: list\n   settings: [prepend]\n - name: str\n   settings: [append]\nl: [1]\nm: {gone: null, t: b, l: [x]}\n',
   'cloud.cfg.d/2.cfg': 'l: [2]\nm: {gone: here, t: a, l: [y]}\n',
 },
 'recurse_index': {
   'cloud.cfg': 'merge_how: dict(recurse_array)+list(recurse_dict,recurse_list,recurse_str)+str(append)\nl: [{a: 1, b: 2}, [1], s, 5]\n',
   'cloud.cfg.d/2.cfg': 'l: [{a: 9}, [2, 3], t, 6, 7]\n',
 },
 'conf_d': {
   'cloud.cfg': 'conf_d: ""\ndatasource_list: [ConfigDrive]\n',
   'cloud.cfg.d/1.cfg': 'datasource_list: [OpenStack]\n',
 },
}
for name, files in cases.items():
    d=f'{OUT}/{name}'
    for path, text in files.items():
        p=f'{d}/{path}'; os.makedirs(os.path.dirname(p), exist_ok=True); open(p,'w').write(text)
    merged=util.read_conf_with_confd(f'{d}/cloud.cfg')
    json.dump(merged, open(f'{d}/merged.json','w'), indent=1, sort_keys=True)
    open(f'{d}/merged.json','a').write('\n')
# scalars
plain = '''yes Yes YES yEs y n no off Off OFF on true TRUE tRUE false ~ null Null NULL nULL None
0 -0 +1 0755 08 0o17 0x1F 0xg 0b101 0b2 1_000 _1 1__0 190:20:30 1:60 1:5 -1:30 01:30 12e3 1.5 1. .5 -.5 +1.5e+3 1.5e3 1e3 1.5e-3 1_0.5_0 190:20:30.15 .inf -.INF .nan -.nan .Inf 1.2.3 22.4.2 - 0_7 9223372036854775807 9223372036854775808 0x_f 2001-01-01 12:30:45.5 +0x1f -0b11 --1 +-1 ._5 1.e+3 0.0 00 007 0:1 1:00 .e+1 1.5E+3 +.inf'''.split()
plain=[p for p in plain if p!='-']
out=[]
for p in plain:
    v=yaml.safe_load('- '+p)[0]
    if isinstance(v,float):
        v={'float': repr(v)}
    elif not isinstance(v,(str,int,bool,type(None))):
        v=p
    out.append([p,v])
open(f'{OUT}/scalars.json','w').write('[\n'+',\n'.join(json.dumps(o) for o in out)+'\n]\n')
docs = [
 'a: &x {b: 1, c: [1, 2]}\nd: {<<: *x, b: 2}\n',
 'a: &x {k: 1, l: 1}\nb: &y {k: 2, m: 2}\nc: {<<: [*x, *y], m: 3}\n',
 "a: |\n  line 1\n  line 2\nb: >-\n  folded\n  text\nc: 'it''s'\nd: \"tab\\t\\u00e9\"\n",
 'a: 1\na: 2\nb: {c: 1, c: [x]}\n',
 'yes: 1\n2: 2\n~: 3\n1.5: 4\n',
 'a: !!str 123\nb: !!int "7"\nc: ! yes\nd: !!python/unicode x\ne: !!bool "no"\nf: !!float "1.5"\n',
 'a:\n- 1\n- b: 2\n  c:\n  - 3\n',
 'plain: multi word\n  continued\nurl: http://169.254.169.254:80/x#y\nhash: a#b\ncomment: a #b\n',
 'metadata_urls: ["http://169.254.169.254"]\nkey with spaces: v\n? complex\n: v\n',
 'a: [1, 2,\n 3]\nb: {x: , y: z}\nc:\n',
 'a: "yes"\nb: \'1\'\nc: yes\n',
 '%YAML 1.1\n---\na: on\n...\n',
 '---\na: 1\n',
 'a: *nope\n', 'a: b: c\n', 'a: 1\n---\nb: 2\n', 'a: !!python/object:os.system x\n', '{a: 1\n', '\ta: 1\n', 'a:\t1\n', 'a: 1\t\n', 'a: 1 #\tx\n#\ty\n', 'a: |\n \tx\n  y\tz\nb: 1\n', 'a: "x\ty"\nb: 1\n', 'a: \'x\ty\'\t\n', 'a: x\ty\n', 'é: "é\t"\nb: [1,\t2]\n', '\t\na: 1\n', 'a: |\t\n x\n', 'a: >-\n \tx\n\n y\t\n# c\t\nb: "\t#"\n','[a]: 1\n', '? [a]\n: 1\n', 'a: !foo 1\n', 'a: \x07\n', '"a', 'a: [1]]\n', 'a: @x\n', '- 1\n- [2]\n', 'just text\n', '', 'a: 1\n b: 2\n', 'a: %x\n', 'a: `x\n', 'a: |\n x\n y: z\n'
]
res=[]
for d in docs:
    try:
        from cloudinit import safeyaml
        v=safeyaml.load(d)
        def fix(o):
            if isinstance(o,dict): return {json.dumps(k) if not isinstance(k,str) else k: fix(x) for k,x in o.items()}
            if isinstance(o,list): return [fix(x) for x in o]
            return o
        res.append([d,{'value':fix(v)}])
    except Exception as e:
        res.append([d,{'error':type(e).__name__}])
open(f'{OUT}/documents.json','w').write('[\n'+',\n'.join(json.dumps(o) for o in res)+'\n]\n')
