//! One rule of the Windows firewall, as the registry keeps it (MS-GPFAS 2.2.2.19):
//! `v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|…|`.

/// TCP (IANA protocol numbers).
const TCP: &str = "6";

/// The words of a rule.
pub(super) struct FirewallRule<'a> {
    text: &'a str,
}

/// What a rule does to Remote Desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Lets it in from anywhere.
    Allows,
    /// Keeps it out, from everywhere.
    Blocks,
}

impl<'a> FirewallRule<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        Self { text }
    }

    /// Read anew for each question: a rule may be megabytes of fields of two characters.
    fn fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.text.split('|').filter_map(|field| field.split_once('='))
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = move |(key, _): &(&str, &str)| key.eq_ignore_ascii_case(name);
        self.fields().filter(named).map(|(_, value)| value)
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|found| found.eq_ignore_ascii_case(value))
    }

    fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Its effect on a TCP connection to `port` from anywhere, in the profile of public networks.
    pub(super) fn effect(&self, port: u32) -> Option<Effect> {
        let concerns = self.is("Active", "TRUE")
            && self.is("Dir", "In")
            && (!self.has("Protocol") || self.is("Protocol", TCP))
            && (!self.has("Profile") || self.is("Profile", "Public"))
            && self.has_port(port)
            && self.is_for_service()
            && !self.is_for_less();
        if !concerns {
            return None;
        }
        if self.is("Action", "Allow") {
            return Some(Effect::Allows);
        }
        self.is("Action", "Block").then_some(Effect::Blocks)
    }

    /// Whether it is for some addresses, remote ports, cards, users or kinds of network only, or only
    /// with IPsec: what it does then holds neither from anywhere nor for any server. Cards of the
    /// platform are of the type LAN (MS-GPFAS 2.2.2.8).
    fn is_for_less(&self) -> bool {
        const LIMITS: [&str; 10] =
            ["RA4", "RA6", "LA4", "LA6", "RPort", "Security", "RMauth", "RUAuth", "LUAuth", "TTK"];
        LIMITS.iter().any(|limit| self.has_prefix(limit))
            || self.has("IF")
            || (self.has("IFType") && !self.is("IFType", "Lan"))
    }

    fn has_prefix(&self, prefix: &str) -> bool {
        self.fields()
            .any(|(key, _)| key.get(..prefix.len()).is_some_and(|k| k.eq_ignore_ascii_case(prefix)))
    }

    /// `LPort=3389`, or a range in `LPort2_10=3000-4000`; without any, every port.
    fn has_port(&self, port: u32) -> bool {
        let mut ports = self
            .fields()
            .filter(|(key, _)| key.get(..5).is_some_and(|key| key.eq_ignore_ascii_case("LPort")))
            .flat_map(|(_, value)| value.split(','))
            .peekable();
        if ports.peek().is_none() {
            return true;
        }
        ports.any(|text| {
            let (from, to) = text.split_once('-').unwrap_or((text, text));
            let range = (from.trim().parse::<u32>(), to.trim().parse::<u32>());
            matches!(range, (Ok(from), Ok(to)) if (from..=to).contains(&port))
        })
    }

    /// Whether it is for every program, or for the one that Remote Desktop runs in.
    fn is_for_service(&self) -> bool {
        let program = |app: &str| {
            let app = app.to_ascii_lowercase();
            app == "system" || app.ends_with(r"\svchost.exe")
        };
        self.all("App").all(program)
            && self.all("Svc").all(|name| name == "*" || name.eq_ignore_ascii_case("termservice"))
            && !self.has("AppPkgId")
            && !self.has("LUOwn")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // As Windows Server 2019 and Windows 7 ship them, Active changed where needed.
    const USER_MODE: &str = r"v2.28|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|App=%SystemRoot%\system32\svchost.exe|Svc=termservice|Name=@FirewallAPI.dll,-28775|Desc=@FirewallAPI.dll,-28756|EmbedCtxt=@FirewallAPI.dll,-28752|";
    const SYSTEM: &str = "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|App=System|Name=@FirewallAPI.dll,-28753|EmbedCtxt=@FirewallAPI.dll,-28752|";

    fn effect(text: &str) -> Option<Effect> {
        FirewallRule::parse(text).effect(3389)
    }

    #[test]
    fn the_rules_of_remote_desktop_let_it_in() {
        assert_eq!(effect(USER_MODE), Some(Effect::Allows));
        assert_eq!(effect(SYSTEM), Some(Effect::Allows));
        assert_eq!(FirewallRule::parse(SYSTEM).effect(13389), None);
        assert_eq!(effect(&SYSTEM.replace("Allow", "Block")), Some(Effect::Blocks));
        assert_eq!(effect("v2.0|Action=Allow|Active=TRUE|Dir=In|"), Some(Effect::Allows));
        let range = SYSTEM.replace("LPort=3389", "LPort2_10=3000-4000");
        assert_eq!(effect(&range), Some(Effect::Allows));
    }

    #[test]
    fn rules_for_less_than_everyone_do_not() {
        for (from, to) in [
            ("Active=TRUE", "Active=FALSE"),
            ("Dir=In", "Dir=Out"),
            ("Protocol=6", "Protocol=17"),
            ("LPort=3389", "LPort=5985"),
            ("App=System", r"App=C:\x.exe"),
            ("App=System", "App=System|Profile=Domain|Profile=Private"),
            ("App=System", "App=System|RA4=LocalSubnet"),
            ("App=System", "App=System|RA42=IntErnet"),
            ("App=System", r"App=%SystemRoot%\system32\svchost.exe|Svc=dhcp"),
            ("App=System", "App=System|LA4=10.3.58.5"),
            ("App=System", "App=System|LA6=fe80::1"),
            ("App=System", "App=System|RPort=3389"),
            ("App=System", "App=System|RPort2_10=1024-2048"),
            ("App=System", "App=System|IFType=RemoteAccess"),
            ("App=System", "App=System|IF={6E1F1C5D-7E8A-4B6C-9D0E-1A2B3C4D5E6F}"),
            ("App=System", "App=System|Security2=Authenticate"),
        ] {
            let changed = SYSTEM.replace(from, to);
            assert_eq!(effect(&changed), None, "{to}");
            assert_eq!(effect(&changed.replace("Allow", "Block")), None, "{to}");
        }
        let lan = SYSTEM.replace("App=System", "App=System|IFType=RemoteAccess|IFType=Lan");
        assert_eq!(effect(&lan), Some(Effect::Allows));
    }
}
