//! What readers and rules say in short of what they saw, in Chinese.
//!
//! Facts hold such words in English, because `inspect` prints them and because most stand deep inside
//! of readers that know no language. Reports for Chinese readers look each of them up here. What is
//! not in the list (a value, a line, what a specification asks for deep inside of a structure) stays
//! as it is, and a phrase of which a part is prose that is not in the list stays English as a whole.

use std::borrow::Cow;

/// Longest text that is looked up, in bytes; phrases are short.
const MAX_TEXT: usize = 2000;

/// How often a phrase may hold another one.
const MAX_DEPTH: usize = 3;

/// English and Chinese; `{}` stands for anything, itself looked up, in the same order in both.
const PHRASES: &[(&str, &str)] = &[
    // The command line.
    ("cannot write the output: {}", "无法写入输出：{}"),
    ("cannot write to {}: {}", "无法写入{}：{}"),
    ("cannot write {}: {}", "无法写入{}：{}"),
    ("cannot read the report {}: {}", "无法读取报告{}：{}"),
    ("cannot read {}: {}", "无法读取{}：{}"),
    ("cannot list: {}", "无法列出：{}"),
    ("{} is no report of image-preflight: {}", "{}不是image-preflight的报告：{}"),
    ("{} and {} have an image in common", "{}与{}含有同一个镜像"),
    ("the output would overwrite {}", "输出会覆盖{}"),
    ("{} is there already", "{}已存在"),
    ("more than {} images", "镜像超过{}个"),
    ("{} matches no file", "没有与{}匹配的文件"),
    (
        "standard input cannot be read as an image: it is read at many places, not in order; save it to a file first",
        "无法从标准输入读取镜像：镜像需要随机访问，不能顺序读取；请先保存为文件",
    ),
    ("{}; did you mean {}?", "{}；是否指{}？"),
    (
        "no rule or error code is called {} (image-preflight rules lists the rules)",
        "没有名为{}的规则或错误码（可用image-preflight rules列出规则）",
    ),
    ("the profile {} is none of {}, and no file ({})", "规则集{}不是{}之一，也不是文件（{}）"),
    ("{}: no rule is called {}", "{}：没有名为{}的规则"),
    ("{}: extends is none of {}", "{}：extends不是{}之一"),
    ("{}: {} is not in the platform's list of os_version", "{}：{}不在平台的os_version列表中"),
    ("{}: a waiver needs a reason", "{}：豁免必须说明原因（reason）"),
    ("{}: expires is a date such as 2026-12-31", "{}：expires应为日期，例如2026-12-31"),
    ("more than {} bytes", "超过{}字节"),
    ("{}: {} (--volume N looks into one partition)", "{}：{}（--volume N可查看单个分区）"),
    ("no guest was found whose files can be read", "没有找到可读取其文件的系统"),
    ("partition {} holds no file system", "分区{}没有文件系统"),
    ("{}: no partition {}", "{}：没有分区{}"),
    ("{}: is a directory", "{}：是目录"),
    ("--recursive checks the images in it", "使用--recursive可检查其中的镜像"),
    ("{}: is a character device; {}", "{}：是字符设备；{}"),
    ("{}: is a FIFO; {}", "{}：是命名管道；{}"),
    ("{}: is a socket; {}", "{}：是套接字；{}"),
    ("an image is a regular file or a block device", "镜像应为普通文件或块设备"),
    (
        "{}: the checker itself failed on this image; please report it",
        "{}：检查程序在处理该镜像时出错，请报告此问题",
    ),
    // Places.
    ("nearest os_version", "最接近的os_version"),
    ("partition table", "分区表"),
    ("whole disk", "整个磁盘"),
    ("volume", "卷"),
    ("volumes", "卷"),
    ("boot loader configuration", "引导程序配置"),
    ("file length", "文件长度"),
    ("gap before partition {}, byte {}", "分区{}之前的间隙，字节{}"),
    ("gap before partition {}", "分区{}之前的间隙"),
    ("BIOS boot partition {}, byte {}", "BIOS启动分区{}，字节{}"),
    ("BIOS boot partition {}", "BIOS启动分区{}"),
    ("EFI system partition {}, type {}", "EFI系统分区{}，类型{}"),
    ("EFI system partition {}", "EFI系统分区{}"),
    ("partition {}, byte {} of the disk", "分区{}，磁盘字节{}"),
    ("partition {}, type {}", "分区{}，类型{}"),
    ("partition {} (swap)", "分区{}（swap）"),
    ("partition {}: {}", "分区{}：{}"),
    ("{} at byte {}, entry {} (guest byte {})", "{}（字节{}）第{}项（磁盘字节{}）"),
    (
        "{} at byte {}: reaches to byte {}, the file ends at {}",
        "{}（字节{}）：延伸到字节{}，而文件在字节{}结束",
    ),
    ("also used: {}", "同时被用作：{}"),
    ("{} references to it", "有{}处引用"),
    ("{}, {} clusters in a row", "{}，共连续{}个簇"),
    ("refcount {}, references {}: {}", "引用计数为{}，实际引用数为{}：{}"),
    ("refcount {}, references {}", "引用计数为{}，实际引用数为{}"),
    ("reserved bits {} are set", "保留位{}被置位"),
    ("{} at byte {}, not a multiple of the cluster size", "{}（字节{}）不是簇大小的整数倍"),
    ("{}, entry {} and {} more L1 entries", "{}第{}项及另外{}个L1表项"),
    ("{}, host cluster at byte {}", "{}，主机簇（字节{}）"),
    ("host cluster at byte {}", "主机簇（字节{}）"),
    ("{}, bytes {} to {}", "{}，字节{}至{}"),
    ("{}, byte {}", "{}，字节{}"),
    ("{}, entry {}", "{}第{}项"),
    ("sector {}", "扇区{}"),
    ("byte {}", "字节{}"),
    ("logical volume {}", "逻辑卷{}"),
    // What stands where.
    ("loader on {}, which is not in this image", "加载程序位于{}，而本镜像中没有"),
    ("system on {}, which is not in this image", "系统位于{}，而本镜像中没有"),
    ("the partition at byte {} of the disk with signature {}", "起始字节{}的分区（磁盘签名{}）"),
    ("partition {} of disk {}", "分区{}（磁盘{}）"),
    ("root={}: {}", "root={}：{}"),
    ("{} at byte {}, {} bytes", "{}，起始字节{}，长{}字节"),
    // Errors.
    (
        "a disk in an external data file ({}), which is not opened,",
        "外部数据文件（{}）中的磁盘内容（不打开该文件）",
    ),
    (
        "a disk that depends on the backing file {}, which is not opened,",
        "依赖后端文件{}的磁盘内容（不打开该文件）",
    ),
    ("the link to {}, which leaves this volume,", "指向其他卷的链接{}"),
    ("{}: the file changed while it was read", "{}：读取过程中文件发生了变化"),
    ("{} at byte {}: {} is not read by this program", "{}（字节{}）：本程序不读取{}"),
    ("{} at byte {}: expected {}, found {}", "{}（字节{}）：应为{}，实际为{}"),
    ("bytes {} to {} lie beyond the end at {}", "字节{}至{}超出末尾{}"),
    ("{}: more than {} {}, the rest was not read", "{}：超过{} {}，其余部分未读取"),
    ("{}: no such file or directory", "{}：文件或目录不存在"),
    ("{}: not a directory", "{}：不是目录"),
    ("{}: not a regular file", "{}：不是普通文件"),
    ("{}: too many levels of symbolic links", "{}：符号链接层数过多"),
    ("expected {}, found {}", "应为{}，实际为{}"),
    ("the content of a file in format {}", "{}格式文件的内容"),
    ("bytes inside the image file", "镜像文件范围内的字节"),
    ("the end of the file at byte {}", "文件末尾（字节{}）"),
    ("the end of the file", "文件末尾"),
    ("checksum {}", "校验和{}"),
    ("a damaged stream", "损坏的数据流"),
    ("sound compressed data", "完好的压缩数据"),
    ("encryption ({})", "加密（{}）"),
    ("incompatible feature {}", "不兼容特性{}"),
    ("the messages {}", "提示信息{}"),
    (
        "damaged data (GRUB's error correction, if it was embedded, was not tried)",
        "损坏的数据（未尝试使用GRUB可能内嵌的纠错码）",
    ),
    ("a compressed kernel that unpacks to {} bytes", "解压后为{}字节的压缩内核"),
    ("a checksum entry", "校验和项"),
    ("fewer than {} bytes", "少于{}字节"),
    ("an L1 table of up to {} bytes", "不超过{}字节的L1表"),
    ("damaged data ({})", "损坏的数据（{}）"),
    ("zeroes", "全零"),
    ("zero", "全零"),
    ("the end", "末尾"),
    ("its end", "其末尾"),
    ("the end of the structure", "该结构的末尾"),
    ("the payload's end", "数据末尾"),
    ("the volume's end at byte {}", "卷的末尾（字节{}）"),
    ("the device's end at byte {}", "设备末尾（字节{}）"),
    ("a directory", "目录"),
    ("a hole", "空洞"),
    ("none", "没有"),
    ("something else", "其他内容"),
    ("other data", "其他数据"),
    ("other bytes", "其他字节"),
    ("another", "另一个"),
    ("another one", "另一个"),
    ("another number", "另一个编号"),
    ("another value", "其他值"),
    ("another node", "另一个节点"),
    ("a loop", "循环"),
    ("a transaction log", "事务日志"),
    ("a sound header", "完好的头部"),
    ("a whole header", "完整的头部"),
    ("a text on which the YAML parser fails", "YAML解析器无法处理的文本"),
    ("a symbolic link", "符号链接"),
    ("container", "容器"),
    ("{} needs {}", "{}需要{}"),
    ("sparse extent without a descriptor", "没有描述文件的sparse extent"),
    ("{} descriptor", "{}描述文件"),
    ("a short text", "较短的文本"),
    ("a length of {}", "长度{}"),
    ("a dirty page", "脏页"),
    ("a cluster from 2 to {}", "2至{}的簇"),
    ("at most {} bytes", "最多{}字节"),
    ("an inode in use with a file type", "正在使用且带有文件类型的inode"),
    ("an inode number inside the volume", "卷范围内的inode编号"),
    ("an inode of the group", "该块组的inode"),
    ("an entry inside the log", "日志范围内的项"),
    ("an offset that is a multiple of the cluster size", "簇大小整数倍的偏移"),
    ("an L1 table inside the file of {} bytes", "位于长{}字节的文件之内的L1表"),
    ("l1_size of {} or more for a disk of {} bytes", "l1_size不小于{}（磁盘{}字节）"),
    ("blocks below {}", "小于{}的块"),
    ("a block below {}", "小于{}的块"),
    ("magic {}", "魔数{}"),
    ("version {}", "版本{}"),
    ("encrypted content", "加密的内容"),
    ("a file encrypted by EFS", "由EFS加密的文件"),
    ("an encrypted or otherwise encoded extent", "加密或以其他方式编码的extent"),
    ("compressed cluster at byte {}: {}", "压缩簇（字节{}）：{}"),
    ("L2 table at byte {}: {}", "L2表（字节{}）：{}"),
    ("reaches to byte {}, the file ends at {}", "延伸到字节{}，而文件在字节{}结束"),
    // Disks and volumes.
    ("{} is not looked into", "未查看{}内部"),
    ("its content was not looked into", "未查看其内容"),
    ("it is encrypted ({})", "已加密（{}）"),
    ("physical volume {} is missing", "缺少物理卷{}"),
    ("slot {} is missing", "缺少成员{}"),
    ("{} partition table", "{}分区表"),
    ("{}, no operating system", "{}，没有操作系统"),
    ("{}: the kernel does not mount it", "{}：内核无法挂载"),
    ("not looked at", "未检查"),
    ("not read", "未读取"),
    ("it was not read", "未读取"),
    ("it was not looked at", "未检查"),
    ("its file system is not known", "其文件系统未知"),
    ("no file system is mounted there", "该处没有挂载文件系统"),
    ("the state of its file system is not known", "其文件系统状态未知"),
    ("it is not in the mount table", "不在挂载表中"),
    ("the volume of the root is not known", "根文件系统所在卷未知"),
    ("the volume of Windows could not be read", "无法读取Windows所在卷"),
    ("the type of the root file system is not known", "根文件系统类型未知"),
    ("the disk size of this file ({}) is not known", "无法得知该文件（{}）的虚拟大小"),
    ("a comma before {}", "{}之前的逗号"),
    ("virtual size {} bytes", "虚拟大小{}字节"),
    ("{} bytes long, tables refer to {}", "长{}字节，表中引用到{}"),
    ("no container signature: {}", "没有容器格式标识：{}"),
    // Devices.
    ("not a device name that is known", "无法识别的设备名称"),
    ("which disk has the number is settled at boot", "该编号对应的磁盘在启动时才能确定"),
    ("the number is given at boot", "该编号在启动时才能确定"),
    // The boot chain.
    ("damaged: {}", "已损坏：{}"),
    ("cut short: {} of {} bytes", "被截断：{}/{}字节"),
    ("cut short: its gzip stream has no end in {} bytes", "被截断：gzip数据流在{}字节内没有结束"),
    ("damaged gzip stream: {}", "gzip数据流损坏：{}"),
    (
        "{}: a volume has this UUID in other letters only, and their case counts",
        "{}：有一个卷的UUID仅大小写不同，而此处区分大小写",
    ),
    ("a carriage return ends the line", "行尾有回车符"),
    ("the code in the first sector is not recognised", "无法识别第一个扇区中的代码"),
    ("where the core image lies is not known", "GRUB核心镜像的位置未知"),
    ("where GRUB's core image lies is not known", "GRUB核心镜像的位置未知"),
    ("GRUB core image of {} bytes", "GRUB核心镜像，{}字节"),
    ("prefix not read", "未读取prefix"),
    ("configuration embedded in the core image", "嵌入核心镜像的配置"),
    ("no boot code", "没有引导代码"),
    ("no partition is active", "没有活动分区"),
    ("no boot manager", "没有启动管理器"),
    ("no menu", "没有菜单"),
    ("no timeout", "没有timeout"),
    ("its timeout is not decided", "无法确定其等待时间"),
    ("its version is not known", "其版本未知"),
    ("it was not followed as far as init", "未能检查到init"),
    ("it was not followed as far as Windows' kernel", "未能检查到Windows内核"),
    (
        "there is no default boot entry (see boot-chain-complete)",
        "没有默认引导项（参见boot-chain-complete）",
    ),
    ("the default boot entry names no kernel", "默认引导项没有指定内核"),
    ("the entry names no initramfs", "该引导项没有指定initramfs"),
    ("which kernel the default boot entry starts is not known", "默认引导项启动的内核未知"),
    (
        "the command line names no root; kernel or initramfs decide",
        "命令行没有指定root；由内核或initramfs决定",
    ),
    ("the release of the default kernel is not known", "默认内核的版本号未知"),
    (
        "none of the installed kernels is the one that the default boot entry starts",
        "已安装的内核中没有默认引导项所启动的内核",
    ),
    (
        "{} systems on this disk, and no default entry says which one starts",
        "磁盘上有{}个系统，且没有默认引导项说明启动哪一个",
    ),
    // Kernels and initramfs.
    ("GRUB core image at byte {}", "GRUB核心镜像位于字节{}"),
    ("default kernel", "默认内核"),
    (
        "the initramfs {} is not there (see initrd-referenced-exists)",
        "initramfs {}不存在（参见initrd-referenced-exists）",
    ),
    ("{}, which the entry loads, is not there", "引导项要加载的{}不存在"),
    ("the compressed stream is cut off", "压缩数据流被截断"),
    (
        "segment at offset {} ({}): {}, at offset {} ({} decompressed)",
        "偏移{}处的段（{}）：{}，位于偏移{}（已解压{}）",
    ),
    ("without {}", "缺少{}"),
    ("no driver for {}", "没有{}的驱动"),
    ("no disk driver is built in", "没有内置磁盘驱动"),
    ("{}, built in", "{}，内置"),
    ("there is no modules.alias", "没有modules.alias"),
    ("listed to its end", "已完整列出"),
    ("no other kernel", "没有其他内核"),
    ("modules of {}, not of {}", "包含{}的模块，但没有{}的模块"),
    // Files and settings.
    ("{} files, {} bytes in all", "{}个文件，共{}字节"),
    ("{} of {} blocks of {} bytes, {} of {} inodes", "可用块{}/{}（每块{}字节），可用inode {}/{}"),
    (
        "{}: {} of {} blocks of {} bytes, {} of {} inodes",
        "{}：可用块{}/{}（每块{}字节），可用inode {}/{}",
    ),
    ("{} of {} clusters of {} bytes", "可用簇{}/{}（每簇{}字节）"),
    ("no rule renames network cards", "没有重命名网卡的规则"),
    ("no file named by persistent and net", "没有名称同时含persistent和net的文件"),
    ("pulls in {}", "启用{}"),
    ("no {}, no {}", "没有{}，没有{}"),
    ("no such identifiers", "没有这样的标识"),
    ("no signature", "没有已知的特征"),
    ("no linux", "没有linux"),
    ("no resume=", "没有resume="),
    ("no netkvm", "没有netkvm"),
    ("no NetworkAddress", "没有NetworkAddress"),
    ("the settings that the platform needs", "平台所需的设置"),
    ("not in use", "未使用"),
    ("not dirty, log empty", "非dirty，日志为空"),
    ("there", "存在"),
    ("empty", "空"),
    ("{} (not over SSH)", "{}（不能通过SSH）"),
    ("{}: valid for days: {}", "{}：有效天数：{}"),
    ("{}: password set ({})", "{}：已设置密码（{}）"),
    ("{}: password locked", "{}：密码已锁定"),
    ("{}: no password set", "{}：未设置密码"),
    ("{}: none in question", "{}：没有需要注意的位"),
    ("bit {}: corrupt", "位{}：corrupt（已损坏）"),
    ("bit {}: dirty", "位{}：dirty（未正常关闭）"),
    ("bit {}: extended L2 entries", "位{}：扩展L2项"),
    ("bit {}: unknown", "位{}：未知"),
    ("incompatible_features bit {} is clear", "incompatible_features位{}为0"),
    ("incompatible_features bit {}; data file {}", "incompatible_features位{}；数据文件{}"),
    ("{} (full disk encryption)", "{}（全盘加密）"),
    ("no such file", "文件不存在"),
    ("not there", "不存在"),
    ("the file exists", "文件存在"),
    ("{} exists", "{}存在"),
    ("not empty", "非空"),
    ("masked", "已屏蔽（masked）"),
    ("not installed", "未安装"),
    ("{} is not installed", "未安装{}"),
    ("nothing starts it", "没有任何配置启动它"),
    ("leads to nothing", "链接目标不存在"),
    ("link to {}", "链接到{}"),
    ("{} is not set, default {}", "未设置{}，默认为{}"),
    ("no line mounts a disk", "没有挂载磁盘的行"),
    ("no device by a name of its bus", "没有按总线命名的设备"),
    ("nothing about IPv6", "没有IPv6相关配置"),
    ("IPv6 by DHCP or router advertisements", "通过DHCP或路由通告获取IPv6"),
    ("no configuration for the card", "没有该网卡的配置"),
    ("no MAC address", "没有MAC地址"),
    ("no bindings", "没有硬件绑定"),
    ("no keys", "没有密钥"),
    ("no command history", "没有命令历史"),
    ("no datasource_list", "没有datasource_list"),
    ("nothing of an earlier run", "没有先前运行的遗留"),
    ("none of the tools that are known here", "没有已知的工具"),
    ("none of its boot stages was looked at", "未检查其任何启动阶段"),
    ("none of its units was looked at", "未检查其任何单元"),
    ("a host key", "主机密钥"),
    ("an id is set", "已设置ID"),
    ("no rules", "没有规则"),
    ("started at boot", "开机启动"),
    ("this line of the rules is not understood", "无法理解该行规则"),
    ("the shell would compute this value", "该值由shell计算得出"),
    ("datasource_list is not a list of names", "datasource_list不是名称列表"),
    // Accounts.
    ("password set ({})", "已设置密码（{}）"),
    ("password locked", "密码已锁定"),
    ("no password set", "未设置密码"),
    ("no account with uid 0", "没有uid为0的账户"),
    // Windows.
    ("the key is not there", "注册表项不存在"),
    ("no such key or value", "没有该注册表项或值"),
    ("the value is not there, or not what it should be", "注册表值不存在或不符合预期"),
    ("no volume that can be read has its system hive", "可读取的卷中都没有其SYSTEM注册表"),
    ("{}, another administrator", "{}，另一管理员"),
    ("names no program", "没有指定程序"),
    ("names no system", "没有指定系统"),
    ("no card has a setting", "没有网卡设置"),
    ("none of the services that are known here", "没有已知的服务"),
    ("where this path leads is not understood", "无法理解该路径指向何处"),
    ("disk signature {}", "磁盘签名{}"),
    ("it names no device", "没有指定设备"),
    (
        "ProductId of another channel, no OEMInformation",
        "ProductId属于其他渠道，没有OEMInformation",
    ),
    // Reports.
    ("{}: what was read may be older", "{}：读到的内容可能是较早的版本"),
    ("{} more", "另有{}项"),
    ("{} bytes at byte {}", "{}字节，位于字节{}"),
    ("{} bytes", "{}字节"),
    ("{} does not exist", "{}不存在"),
    // Links of the boot chain, by the names that messages have for them.
    ("Windows' kernel", "Windows内核"),
    ("Windows' loader", "Windows加载程序"),
    ("Windows' partition", "Windows所在分区"),
    ("the boot manager", "启动管理器"),
    ("the hive SYSTEM", "注册表SYSTEM"),
    ("the EFI system partition", "EFI系统分区"),
    ("the active partition's boot sector", "活动分区的引导扇区"),
    ("the active partition", "活动分区"),
    // Structures of a container.
    ("qcow2 tables", "qcow2元数据表"),
    ("qcow2 header", "qcow2文件头"),
    ("qcow2 L1 table", "qcow2 L1表"),
    ("qcow2 L2 table", "qcow2 L2表"),
    ("qcow2 refcount table", "qcow2引用计数表"),
    ("refcount block", "引用计数块"),
    ("L1 table", "L1表"),
    ("L2 table", "L2表"),
    ("data cluster", "数据簇"),
    ("bitmap data", "位图数据"),
    ("encryption header", "加密头"),
    // What is a whole word of a place or a value by itself comes last.
    ("{} is partition {}", "{}为分区{}"),
    ("{} on partition {}", "{}位于分区{}"),
    ("partition {}", "分区{}"),
    ("{} at byte {}", "{}（字节{}）"),
    ("boot code", "引导代码"),
    ("boot code of Windows", "Windows引导代码"),
    ("boot code that starts the active partition", "启动活动分区的引导代码"),
    ("boot code that is not known", "无法识别的引导代码"),
    ("the boot loader's next stage", "引导程序的下一阶段"),
    ("the boot loader's files", "引导程序的文件"),
    ("the boot loader's configuration", "引导程序的配置"),
    ("the boot configuration", "启动配置"),
    ("the default boot entry", "默认引导项"),
    ("the kernel", "内核"),
    ("the initramfs", "initramfs"),
    ("the root device", "根设备"),
];

/// What the system and libraries say, and what is put together of several strings.
const OTHERS: &[(&str, &str)] = &[
    (
        "no rule or error code is called {}; did you mean {}? (image-preflight rules lists the rules)",
        "没有名为{}的规则或错误码；是否指{}？（可用image-preflight rules列出规则）",
    ),
    (
        "flag COPIED is set, {} at byte {} has refcount {}",
        "COPIED标志已置位，但{}（字节{}）的引用计数为{}",
    ),
    (
        "flag COPIED is not set, {} at byte {} has refcount {}",
        "COPIED标志未置位，但{}（字节{}）的引用计数为{}",
    ),
    ("{}, found: {}", "{}，已找到：{}"),
    ("{}, missing: {}", "{}，缺失：{}"),
    ("{}, not known: {}", "{}，未知：{}"),
    ("{}, not needed: {}", "{}，不需要：{}"),
    ("partition {} is active; {}", "分区{}为活动分区；{}"),
    ("whole disk ({})", "整个磁盘（{}）"),
    ("partition {} ({})", "分区{}（{}）"),
    ("No such file or directory (os error 2)", "文件或目录不存在"),
    ("{}: No such file or directory (os error 2)", "{}：文件或目录不存在"),
    ("Permission denied (os error 13)", "权限不足"),
    ("{}: Permission denied (os error 13)", "{}：权限不足"),
    ("{} is whole disk ({})", "{}为整个磁盘（{}）"),
    ("{} on whole disk ({})", "{}位于整个磁盘（{}）"),
    ("loader on partition {}: {}", "加载程序位于分区{}：{}"),
    ("system on partition {}: {}", "系统位于分区{}：{}"),
    ("loader on partition {}", "加载程序位于分区{}"),
    ("system on partition {}", "系统位于分区{}"),
    ("boot configuration data on partition {}", "启动配置数据位于分区{}"),
    ("{} on partition {} ({})", "{}位于分区{}（{}）"),
    ("{} is partition {} ({})", "{}为分区{}（{}）"),
    ("{} bytes on partition {}", "{}字节，位于分区{}"),
    ("default: Windows {}", "默认：Windows {}"),
    ("partition {}, boot sector, byte {}: {}", "分区{}，引导扇区，字节{}：{}"),
    ("partition {}, boot sector, byte {}", "分区{}，引导扇区，字节{}"),
    ("{}, with 0x55AA; {}", "{}，带有0x55AA；{}"),
    ("{}, without 0x55AA; {}", "{}，没有0x55AA；{}"),
    ("{}: missing field {}", "{}：缺少配置项{}"),
    ("{}: unknown field {}, expected one of {}", "{}：未知的配置项{}，应为{}之一"),
    (
        "{}: invalid type: string {}, expected a TOML datetime; a date is written without quotes: expires = 2026-12-31",
        "{}：{}是字符串；日期不加引号：expires = 2026-12-31",
    ),
    ("{}: unknown variant {}, expected one of {}", "{}：未知的取值{}，应为{}之一"),
];

/// The words in Chinese, as far as they are known.
pub(crate) fn chinese(text: &str) -> Cow<'_, str> {
    translated(text, MAX_DEPTH).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn translated(text: &str, depth: usize) -> Option<String> {
    if text.len() > MAX_TEXT {
        return None;
    }
    // Of several volumes each is one.
    let volumes: Vec<&str> = text.split(", ").collect();
    if volumes.len() > 1 && volumes.iter().all(|volume| volume.starts_with("partition ")) {
        let each = volumes.iter().map(|volume| translated(volume, depth));
        return each.collect::<Option<Vec<_>>>().map(|each| each.join("，"));
    }
    let mut phrases = OTHERS.iter().chain(PHRASES);
    let Some((zh, held)) = phrases.find_map(|(en, zh)| Some((*zh, held(en, text)?))) else {
        // Of several phrases each is one.
        let phrases: Vec<&str> = text.split(BETWEEN).collect();
        let each = (phrases.len() > 1).then_some(phrases)?;
        let each = each.into_iter().map(|phrase| translated(phrase, depth));
        return each.collect::<Option<Vec<_>>>().map(|each| each.join("；"));
    };
    let mut out = String::new();
    for (index, piece) in zh.split("{}").enumerate() {
        if let Some(words) = index.checked_sub(1).and_then(|before| held.get(before)) {
            match depth.checked_sub(1).and_then(|depth| translated(words, depth)) {
                Some(inner) => out.push_str(&inner),
                // Half a sentence in each language is worse than a whole one in English.
                None if is_prose(words) => return None,
                None => out.push_str(words),
            }
        }
        out.push_str(piece);
    }
    Some(out)
}

/// What stands between phrases that are put together.
const BETWEEN: &str = "; ";

/// Words that a sentence has and a value, a path or a name has not.
const OF_SENTENCES: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "beyond", "bytes", "does", "has", "have", "inside",
    "is", "more", "no", "not", "of", "or", "than", "that", "the", "to", "was", "were", "which",
    "with",
];

/// Whether it is a sentence or a part of one; what the system says of an error stands as a quotation.
fn is_prose(text: &str) -> bool {
    let mut words = text.split_whitespace().map(|word| word.trim_matches([',', ':', '(', ')']));
    text.contains(' ')
        && !text.contains(" (os error ")
        && words.any(|word| OF_SENTENCES.contains(&word))
}

/// What stands in the places of a phrase (never several phrases), when `text` is that phrase.
fn held<'t>(phrase: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut pieces = phrase.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut held = Vec::new();
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty().then_some(held);
    }
    while let Some(piece) = pieces.next() {
        let (words, behind) = match (pieces.peek(), piece) {
            (None, "") => (rest, ""),
            (None, piece) => (rest.strip_suffix(piece)?, ""),
            (Some(_), piece) => rest.split_once(piece)?,
        };
        if words.is_empty() || words.contains(BETWEEN) {
            return None;
        }
        held.push(words);
        rest = behind;
    }
    Some(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_found_with_what_they_hold() {
        for (en, zh) in [
            ("no such file", "文件不存在"),
            ("crypto_LUKS is not looked into", "未查看crypto_LUKS内部"),
            ("partition 1 (vfat), partition 2", "分区1（vfat），分区2"),
            ("/ on partition 1 (ext4)", "/位于分区1（ext4）"),
            (
                "Windows' partition, found: loader on partition 2: partition 4 of disk x",
                "Windows所在分区，已找到：加载程序位于分区2：分区4（磁盘x）",
            ),
            ("the file exists", "文件存在"),
            ("bit 4: extended L2 entries", "位4：扩展L2项"),
            ("/a/b: no such file or directory", "/a/b：文件或目录不存在"),
            (
                "the kernel, missing: cut short: 20991 of 20992 bytes",
                "内核，缺失：被截断：20991/20992字节",
            ),
            (
                "ext inode at byte 8: expected checksum 0x1, found 0x2",
                "ext inode（字节8）：应为校验和0x1，实际为0x2",
            ),
            (
                "refcount 0, references 2: qcow2 L2 table at byte 262144, entry 0 (guest byte 0); qcow2 L2 table at byte 262144, entry 16 (guest byte 1048576)",
                "引用计数为0，实际引用数为2：qcow2 L2表（字节262144）第0项（磁盘字节0）；qcow2 L2表（字节262144）第16项（磁盘字节1048576）",
            ),
            (
                "also used: qcow2 L1 table, entry 1; qcow2 L2 table at byte 8, entry 2 (guest byte 3)",
                "同时被用作：qcow2 L1表第1项；qcow2 L2表（字节8）第2项（磁盘字节3）",
            ),
            (
                "no rule or error code is called fstab; did you mean fstab-uuid? (image-preflight rules lists the rules)",
                "没有名为fstab的规则或错误码；是否指fstab-uuid？（可用image-preflight rules列出规则）",
            ),
            (
                "refcount block at byte 8: reaches to byte 9, the file ends at 7",
                "引用计数块（字节8）：延伸到字节9，而文件在字节7结束",
            ),
            (
                "expected a compressed kernel that unpacks to 48284 bytes, found damaged data (GRUB's error correction, if it was embedded, was not tried)",
                "应为解压后为48284字节的压缩内核，实际为损坏的数据（未尝试使用GRUB可能内嵌的纠错码）",
            ),
            (
                "expected an L1 table of up to 33554432 bytes, found 640 bytes at byte 196608",
                "应为不超过33554432字节的L1表，实际为640字节，位于字节196608",
            ),
            ("expected a checksum entry, found another", "应为校验和项，实际为另一个"),
            ("fewer than 16 bytes", "少于16字节"),
        ] {
            assert_eq!(chinese(en), zh);
        }
    }

    #[test]
    fn data_stays_as_it_is() {
        for text in
            ["", "UUID=1 / ext4 defaults 0 1", "LVM", "bytes", " is not looked into", "文件"]
        {
            assert_eq!(chinese(text), text);
        }
        let long = "x".repeat(MAX_TEXT) + " is not looked into";
        assert_eq!(chinese(&long), long);
        let nested = "damaged: ".repeat(100) + "x";
        assert!(chinese(&nested).ends_with("damaged: damaged: x"));
    }

    #[test]
    fn a_phrase_is_in_one_language() {
        for text in [
            "expected a shrub of many leaves, found a tree",
            "damaged: the shrub has no leaves",
            "no such file; the shrub has no leaves",
            "damaged: no such file; the shrub has no leaves",
        ] {
            assert_eq!(chinese(text), text);
        }
        let text = "cannot read x y: Is a directory (os error 21)";
        assert_eq!(chinese(text), text.replace("cannot read ", "无法读取").replace(": ", "："));
    }

    #[test]
    fn both_languages_hold_as_much() {
        for (en, zh) in PHRASES.iter().chain(OTHERS) {
            assert_eq!(en.matches("{}").count(), zh.matches("{}").count(), "{en}");
        }
    }

    /// A phrase that nobody says any more is one that somebody says in other words now.
    #[test]
    fn every_phrase_is_said_somewhere() {
        fn sources(directory: &std::path::Path, all: &mut String) {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    sources(&path, all);
                } else if path.extension().is_some_and(|end| end == "rs")
                    && !path.ends_with("chinese.rs")
                {
                    all.push_str(&std::fs::read_to_string(path).unwrap());
                }
            }
        }
        let mut all = String::new();
        sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
        for (en, _) in PHRASES {
            let longest = en.split("{}").max_by_key(|piece| piece.len()).unwrap();
            assert!(all.contains(longest.trim_matches([',', ' ', ':'])), "{en}");
        }
    }
}
