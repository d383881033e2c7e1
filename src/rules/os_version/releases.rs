//! Release files as the systems ship them, through to the value of the list.

use super::{OsVersion, os_version};
use crate::filesystem::memory::MemoryFs;
use crate::guest::facts::Architecture;
use crate::guest::linux::os_release;
use crate::rules::Profile;

/// `=value` where the list has the very system, `~value` where it is the nearest, `-` without one.
fn value(files: &[(&str, &str)], arch: Architecture, profile: Profile) -> String {
    let mut fs = MemoryFs::new();
    for (path, text) in files {
        fs = fs.file(path, text);
    }
    let found = os_release::find(&fs.tree());
    let os = found.known().expect("readable").as_ref().expect("a release file");
    match os_version(os, arch, profile) {
        OsVersion::Exact(row) => format!("={}", row.value),
        OsVersion::Nearest(row, _) => format!("~{}", row.value),
        OsVersion::None => "-".to_owned(),
    }
}

const OS_RELEASE: &str = "/etc/os-release";
const REDHAT: &str = "/etc/redhat-release";
const CENTOS: &str = "/etc/centos-release";

type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

/// Files, value under `huaweicloud`, value under `otc`.
fn check(cases: &[Case<'_>]) {
    for (files, huaweicloud, otc) in cases {
        let found = |profile| value(files, Architecture::X86_64, profile);
        assert_eq!(found(Profile::Huaweicloud), *huaweicloud, "{files:?}");
        assert_eq!(found(Profile::Otc), *otc, "{files:?}");
        assert_eq!(found(Profile::ImsClassic), *huaweicloud, "{files:?}");
    }
}

#[test]
fn centos_and_its_kin_get_their_minor_version_from_the_older_file() {
    let centos_7 = "NAME=\"CentOS Linux\"\nVERSION=\"7 (Core)\"\nID=\"centos\"\n\
                    ID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\nPRETTY_NAME=\"CentOS Linux 7 (Core)\"\n";
    let centos_8 = "NAME=\"CentOS Linux\"\nVERSION=\"8\"\nID=\"centos\"\nID_LIKE=\"rhel fedora\"\n\
                    VERSION_ID=\"8\"\nPRETTY_NAME=\"CentOS Linux 8\"\n";
    let stream_8 = "NAME=\"CentOS Stream\"\nVERSION=\"8\"\nID=\"centos\"\nID_LIKE=\"rhel fedora\"\n\
                    VERSION_ID=\"8\"\nPLATFORM_ID=\"platform:el8\"\nPRETTY_NAME=\"CentOS Stream 8\"\n";
    let stream_9 = stream_8.replace('8', "9");
    let rhel_8 = "NAME=\"Red Hat Enterprise Linux\"\nVERSION=\"8.6 (Ootpa)\"\nID=\"rhel\"\n\
                  ID_LIKE=\"fedora\"\nVERSION_ID=\"8.6\"\n\
                  PRETTY_NAME=\"Red Hat Enterprise Linux 8.6 (Ootpa)\"\n";
    let rhel_9 = rhel_8.replace("8.6 (Ootpa)", "9.4 (Plow)").replace("8.6", "9.4");
    let oracle = "NAME=\"Oracle Linux Server\"\nVERSION=\"7.9\"\nID=\"ol\"\nID_LIKE=\"fedora\"\n\
                  VERSION_ID=\"7.9\"\nPRETTY_NAME=\"Oracle Linux Server 7.9\"\n";
    let rocky = "NAME=\"Rocky Linux\"\nVERSION=\"9.2 (Blue Onyx)\"\nID=\"rocky\"\n\
                 ID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.2\"\n\
                 PRETTY_NAME=\"Rocky Linux 9.2 (Blue Onyx)\"\n";
    let alma = "NAME=\"AlmaLinux\"\nVERSION=\"8.9 (Midnight Oncilla)\"\nID=\"almalinux\"\n\
                ID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"8.9\"\n\
                PRETTY_NAME=\"AlmaLinux 8.9 (Midnight Oncilla)\"\n";
    check(&[
        (&[(REDHAT, "CentOS release 5.11 (Final)\n")], "~CentOS 6.10 64bit", "~CentOS 6.10 64bit"),
        (
            &[(CENTOS, "CentOS release 6.10 (Final)\n"), (REDHAT, "CentOS release 6.10 (Final)\n")],
            "=CentOS 6.10 64bit",
            "=CentOS 6.10 64bit",
        ),
        (
            &[(OS_RELEASE, centos_7), (CENTOS, "CentOS Linux release 7.6.1810 (Core) \n")],
            "=CentOS 7.6 64bit",
            "=CentOS 7.6 64bit",
        ),
        (
            &[(OS_RELEASE, centos_7), (CENTOS, "CentOS Linux release 7.9.2009 (Core)\n")],
            "~CentOS 7.7 64bit",
            "=CentOS 7.9 64bit",
        ),
        (&[(OS_RELEASE, centos_7)], "~CentOS 7.0 64bit", "~CentOS 7.0 64bit"),
        (
            &[(OS_RELEASE, centos_8), (CENTOS, "CentOS Linux release 8.5.2111\n")],
            "~CentOS 8.0 64bit",
            "=CentOS 8.5 64bit",
        ),
        (
            &[(OS_RELEASE, stream_8), (CENTOS, "CentOS Stream release 8\n")],
            "-",
            "~CentOS Stream 8.6 64bit",
        ),
        (
            &[(OS_RELEASE, &stream_9), (CENTOS, "CentOS Stream release 9\n")],
            "-",
            "~CentOS Stream 9.6 64bit",
        ),
        (
            &[(REDHAT, "Red Hat Enterprise Linux Server release 6.9 (Santiago)\n")],
            "=Redhat Linux Enterprise 6.9 64bit",
            "=Red Hat Linux Enterprise 6.9 64bit",
        ),
        (
            &[(OS_RELEASE, rhel_8), (REDHAT, "Red Hat Enterprise Linux release 8.6 (Ootpa)\n")],
            "~Redhat Linux Enterprise 8.0 64bit",
            "=Red Hat Linux Enterprise 8.6 64bit",
        ),
        (
            &[(OS_RELEASE, &rhel_9)],
            "~Redhat Linux Enterprise 8.0 64bit",
            "~Red Hat Linux Enterprise 9.1 64bit",
        ),
        (
            &[(OS_RELEASE, oracle), ("/etc/oracle-release", "Oracle Linux Server release 7.9\n")],
            "~Oracle Linux Server release 7.6 64bit",
            "~Oracle Linux Server release 7.6 64bit",
        ),
        (
            &[
                ("/etc/oracle-release", "Oracle Linux Server release 6.8\n"),
                (REDHAT, "Red Hat Enterprise Linux Server release 6.8 (Santiago)\n"),
            ],
            "=Oracle Linux Server release 6.8 64bit",
            "=Oracle Linux Server release 6.8 64bit",
        ),
        (&[(OS_RELEASE, rocky)], "-", "=Rocky Linux 9.2 64bit"),
        (&[(OS_RELEASE, alma)], "-", "-"),
        (
            &[(
                OS_RELEASE,
                "NAME=\"Fedora Linux\"\nVERSION=\"38 (Cloud Edition)\"\nID=fedora\nVERSION_ID=38\n",
            )],
            "~Fedora 30 64bit",
            "=Fedora 38 64bit",
        ),
    ]);
}

#[test]
fn huaweis_own_systems_get_their_service_pack_from_their_name() {
    let euleros = |pack: &str| {
        format!(
            "NAME=\"EulerOS\"\nVERSION=\"2.0 ({pack})\"\nID=\"euleros\"\nVERSION_ID=\"2.0\"\n\
             PRETTY_NAME=\"EulerOS 2.0 ({pack})\"\nANSI_COLOR=\"0;31\"\n"
        )
    };
    let openeuler = |version: &str, lts: &str| {
        format!(
            "NAME=\"openEuler\"\nVERSION=\"{version} ({lts})\"\nID=\"openEuler\"\n\
             VERSION_ID=\"{version}\"\nPRETTY_NAME=\"openEuler {version} ({lts})\"\n"
        )
    };
    check(&[
        (&[(OS_RELEASE, &euleros("SP5"))], "=EulerOS 2.5 64bit", "=EulerOS 2.5 64bit"),
        (&[(OS_RELEASE, &euleros("SP8"))], "~EulerOS 2.5 64bit", "=EulerOS 2.8 64bit"),
        (&[(OS_RELEASE, &euleros("SP9x86_64"))], "=EulerOS 2.9 64bit", "=EulerOS 2.9 64bit"),
        (&[(OS_RELEASE, &euleros("SP10"))], "~EulerOS 2.9 64bit", "=EulerOS 2.10 64bit"),
        (
            &[("/etc/euleros-release", "EulerOS release 2.0 (SP2)\n")],
            "=EulerOS 2.2 64bit",
            "=EulerOS 2.2 64bit",
        ),
        (
            &[(OS_RELEASE, &openeuler("20.03", "LTS"))],
            "=openEuler 20.03 64bit",
            "=openEuler 20.03 64bit",
        ),
        (
            &[(OS_RELEASE, &openeuler("20.03", "LTS-SP3"))],
            "~openEuler 20.03 64bit",
            "=openEuler 20.03 SP3 64bit",
        ),
        (
            &[(OS_RELEASE, &openeuler("22.03", "LTS-SP3"))],
            "~openEuler 20.03 64bit",
            "~openEuler 22.03 SP1 64bit",
        ),
    ]);
}

#[test]
fn suse_counts_service_packs_and_opensuse_minor_versions() {
    let sles_12 = "NAME=\"SLES\"\nVERSION=\"12-SP5\"\nVERSION_ID=\"12.5\"\n\
                   PRETTY_NAME=\"SUSE Linux Enterprise Server 12 SP5\"\nID=\"sles\"\n";
    let sles_15 = "NAME=\"SLES\"\nVERSION=\"15\"\nVERSION_ID=\"15\"\n\
                   PRETTY_NAME=\"SUSE Linux Enterprise Server 15\"\nID=\"sles\"\nID_LIKE=\"suse\"\n";
    let sles_15_6 = sles_15.replace("\"15\"", "\"15.6\"");
    let sap = "NAME=\"SLES_SAP\"\nVERSION=\"15-SP1\"\nVERSION_ID=\"15.1\"\n\
               PRETTY_NAME=\"SUSE Linux Enterprise Server for SAP Applications 15 SP1\"\nID=\"sles_sap\"\n";
    let leap_42 = "NAME=\"openSUSE Leap\"\nVERSION=\"42.3\"\nID=opensuse\nID_LIKE=\"suse\"\n\
                   VERSION_ID=\"42.3\"\nPRETTY_NAME=\"openSUSE Leap 42.3\"\n";
    let leap_15 = "NAME=\"openSUSE Leap\"\nVERSION=\"15.5\"\nID=\"opensuse-leap\"\n\
                   ID_LIKE=\"suse opensuse\"\nVERSION_ID=\"15.5\"\nPRETTY_NAME=\"openSUSE Leap 15.5\"\n";
    let tumbleweed = "NAME=\"openSUSE Tumbleweed\"\nID=\"opensuse-tumbleweed\"\n\
                      VERSION_ID=\"20240101\"\nPRETTY_NAME=\"openSUSE Tumbleweed\"\n";
    check(&[
        (
            &[(
                "/etc/SuSE-release",
                "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 3\n",
            )],
            "=SUSE Linux Enterprise Server 11 SP3 64bit",
            "=SUSE Linux Enterprise Server 11 SP3 64bit",
        ),
        (
            &[(OS_RELEASE, sles_12)],
            "=SUSE Linux Enterprise Server 12 SP5 64bit",
            "=SUSE Linux Enterprise Server 12 SP5 64bit",
        ),
        (
            &[(OS_RELEASE, sles_15)],
            "=SUSE Linux Enterprise Server 15 64bit",
            "=SUSE Linux Enterprise Server 15 64bit",
        ),
        (
            &[(OS_RELEASE, &sles_15_6)],
            "~SUSE Linux Enterprise Server 15 SP1 64bit",
            "~SUSE Linux Enterprise Server 15 SP5 64bit",
        ),
        (
            &[(OS_RELEASE, sap)],
            "=SUSE Linux Enterprise Server 15 SP1 64bit",
            "=SUSE Linux Enterprise Server 15 SP1 64bit",
        ),
        (
            &[(
                "/etc/SuSE-release",
                "openSUSE 13.2 (x86_64)\nVERSION = 13.2\nCODENAME = Harlequin\n",
            )],
            "=openSUSE 13.2 64bit",
            "=openSUSE 13.2 64bit",
        ),
        (&[(OS_RELEASE, leap_42)], "=openSUSE 42.3 64bit", "=openSUSE 42.3 64bit"),
        (&[(OS_RELEASE, leap_15)], "~openSUSE 15.0 64bit", "=openSUSE 15.5 64bit"),
        (&[(OS_RELEASE, tumbleweed)], "-", "-"),
    ]);
}

#[test]
fn debian_and_ubuntu_are_told_by_their_point_release() {
    let debian = |version: u32, name: &str| {
        format!(
            "PRETTY_NAME=\"Debian GNU/Linux {version} ({name})\"\nNAME=\"Debian GNU/Linux\"\n\
             VERSION_ID=\"{version}\"\nVERSION=\"{version} ({name})\"\nID=debian\n"
        )
    };
    let ubuntu = |version: &str, full: &str| {
        format!(
            "NAME=\"Ubuntu\"\nVERSION=\"{full}\"\nID=ubuntu\nID_LIKE=debian\n\
             PRETTY_NAME=\"Ubuntu {full}\"\nVERSION_ID=\"{version}\"\n"
        )
    };
    let version = "/etc/debian_version";
    check(&[
        (
            &[(OS_RELEASE, &debian(7, "wheezy")), (version, "7.11\n")],
            "~Debian GNU/Linux 8.10.0 64bit",
            "~Debian GNU/Linux 8.10.0 64bit",
        ),
        (
            &[(OS_RELEASE, &debian(8, "jessie")), (version, "8.10\n")],
            "=Debian GNU/Linux 8.10.0 64bit",
            "=Debian GNU/Linux 8.10.0 64bit",
        ),
        (
            &[(OS_RELEASE, &debian(9, "stretch")), (version, "9.13\n")],
            "~Debian GNU/Linux 9.3.0 64bit",
            "~Debian GNU/Linux 9.3.0 64bit",
        ),
        (
            &[(OS_RELEASE, &debian(10, "buster")), (version, "10.0\n")],
            "=Debian GNU/Linux 10.0.0 64bit",
            "=Debian GNU/Linux 10.0.0 64bit",
        ),
        (
            &[(OS_RELEASE, &debian(11, "bullseye")), (version, "11.7\n")],
            "~Debian GNU/Linux 10.0.0 64bit",
            "=Debian GNU/Linux 11.7.0 64bit",
        ),
        (
            &[(OS_RELEASE, &debian(12, "bookworm")), (version, "12.5\n")],
            "~Debian GNU/Linux 10.0.0 64bit",
            "~Debian GNU/Linux 12.0.0 64bit",
        ),
        (
            &[
                (OS_RELEASE, &ubuntu("14.04", "14.04.6 LTS, Trusty Tahr")),
                (version, "jessie/sid\n"),
            ],
            "=Ubuntu 14.04 server 64bit",
            "=Ubuntu 14.04 Server 64bit",
        ),
        (
            &[
                (OS_RELEASE, &ubuntu("18.04", "18.04.6 LTS (Bionic Beaver)")),
                (version, "buster/sid\n"),
            ],
            "=Ubuntu 18.04 server 64bit",
            "=Ubuntu 18.04 Server 64bit",
        ),
        (
            &[(OS_RELEASE, &ubuntu("22.04", "22.04.3 LTS (Jammy Jellyfish)"))],
            "~Ubuntu 19.04 server 64bit",
            "=Ubuntu 22.04 Server 64bit",
        ),
        (
            &[(OS_RELEASE, &ubuntu("12.04", "12.04.5 LTS, Precise Pangolin"))],
            "~Ubuntu 14.04 server 64bit",
            "~Ubuntu 14.04 Server 64bit",
        ),
        (
            &[(
                OS_RELEASE,
                "NAME=\"Container Linux by CoreOS\"\nID=coreos\nVERSION=1298.6.0\nVERSION_ID=1298.6.0\n",
            )],
            "-",
            "=CoreOS 1298.6.0",
        ),
    ]);
}

#[test]
fn a_32_bit_system_never_gets_a_64_bit_value() {
    let found = |files: &[(&str, &str)]| value(files, Architecture::I386, Profile::Huaweicloud);
    assert_eq!(found(&[(CENTOS, "CentOS release 6.5 (Final)\n")]), "=CentOS 6.5 32bit");
    assert_eq!(found(&[(CENTOS, "CentOS release 6.8 (Final)\n")]), "~CentOS 6.7 32bit");
    let debian = "ID=debian\nVERSION_ID=\"10\"\nPRETTY_NAME=\"Debian GNU/Linux 10 (buster)\"\n";
    assert_eq!(found(&[(OS_RELEASE, debian)]), "-");
}
